#include "apps/explorer/choice.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "apps/attacks/victim.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

// 0, ..., n − 1 in an order drawn from the seed.
std::vector<std::size_t> drawn_order(std::size_t n, std::uint64_t seed) {
  const RandomKey key{seed, random_stream("explorer/images")};
  std::vector<std::size_t> order = all_rows(n);
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(philox(key, i), i); });
  return order;
}

}  // namespace

const char* name_of(ImageKind kind) {
  switch (kind) {
    case ImageKind::wrong: return "wrong";
    case ImageKind::hard: return "hard";
    case ImageKind::easy: return "easy";
    case ImageKind::right: return "right";
  }
  throw internal_error("unknown kind of image");
}

std::vector<ImageKind> kinds_of(const Predictions& p) {
  const Answer answer{static_cast<std::size_t>(p.classes), 0, p.logits, {}, {}};
  std::vector<ImageKind> kinds(static_cast<std::size_t>(p.count), ImageKind::right);
  std::vector<std::size_t> correct;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (answer.prediction(i) == p.labels[i])
      correct.push_back(i);
    else
      kinds[i] = ImageKind::wrong;
  }
  std::ranges::stable_sort(correct, {}, [&](std::size_t i) { return answer.margin(i, p.labels[i]); });
  const std::size_t n = correct.size(), quarter = n < 2 ? 0 : std::max<std::size_t>(1, n / 4);
  for (std::size_t place = 0; place < quarter; ++place) {
    kinds[correct[place]] = ImageKind::hard;
    kinds[correct[n - 1 - place]] = ImageKind::easy;
  }
  return kinds;
}

std::vector<std::size_t> choose_images(const std::vector<std::vector<ImageKind>>& kinds, std::size_t count,
                                       std::uint64_t seed) {
  const std::size_t n = kinds.front().size(), models = kinds.size();
  if (count > n) throw mistake("images"_field, " ", count, ": there are only ", n);
  std::vector<std::size_t> waiting = drawn_order(n, seed), chosen;
  std::vector<std::size_t> seen(models * kImageKinds, 0);  // chosen images of each kind, kind by kind over the models
  const auto place_of = [&](ImageKind kind, std::size_t model) {
    return static_cast<std::size_t>(kind) * models + model;
  };
  while (chosen.size() < count) {
    std::vector<std::size_t> rarest_first = all_rows(seen.size());
    std::ranges::stable_sort(rarest_first, {}, [&](std::size_t place) { return seen[place]; });
    for (const std::size_t place : rarest_first) {
      const std::size_t model = place % models;
      const auto found =
          std::ranges::find_if(waiting, [&](std::size_t i) { return place_of(kinds[model][i], model) == place; });
      if (found == waiting.end()) continue;
      for (std::size_t m = 0; m < models; ++m) ++seen[place_of(kinds[m][*found], m)];
      chosen.push_back(*found);
      waiting.erase(found);
      break;
    }
  }
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace kelvin
