#include "data/hold_out.h"

#include <algorithm>
#include <numeric>

#include "kernels/device/error.h"
#include "kernels/device/philox.h"

namespace kelvin {
namespace {

ImageSet subset(const ImageSet& set, const std::vector<std::int64_t>& indices) {
  ImageSet part{static_cast<std::int64_t>(indices.size()), set.height, set.width, set.channels, {}, {}, {}};
  const auto take = [&](const auto& from, auto& to) {
    if (from.empty()) return;
    to.reserve(indices.size() * static_cast<std::size_t>(set.pixels()));
    for (const std::int64_t i : indices)
      to.insert(to.end(), from.begin() + i * set.pixels(), from.begin() + (i + 1) * set.pixels());
  };
  take(set.bytes, part.bytes);
  take(set.floats, part.floats);
  for (const std::int64_t i : indices) part.labels.push_back(set.labels[static_cast<std::size_t>(i)]);
  return part;
}

}  // namespace

void hold_out(Dataset& set, std::int64_t count, std::uint64_t seed) {
  if (count < 1 || count >= set.train.count)
    throw mistake("--validation must leave images on both sides: got ", count, " of ", set.train.count,
                  " training images");
  std::vector<std::int64_t> order(static_cast<std::size_t>(set.train.count));
  std::iota(order.begin(), order.end(), 0);
  // Fisher and Yates, from the end.
  const RandomKey key{seed, random_stream("validation")};
  for (std::size_t i = order.size() - 1; i > 0; --i)
    std::swap(order[i], order[uniform_below(philox(key, i)[0], static_cast<std::uint32_t>(i + 1))]);
  std::vector<std::int64_t> held(order.begin(), order.begin() + count), kept(order.begin() + count, order.end());
  std::sort(held.begin(), held.end());
  std::sort(kept.begin(), kept.end());
  set.validation = subset(set.train, held);
  set.train = subset(set.train, kept);
}

}  // namespace kelvin
