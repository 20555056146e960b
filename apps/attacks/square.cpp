#include "apps/attacks/square.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/attacks/attack.h"
#include "apps/attacks/square_patterns.h"
#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

// The state of one image.
struct BestImage {
  std::vector<float> best;
  float margin = 0;
};

// Writes the next trial of an image; query −1 is the start.
void propose(const Canvas& canvas, const AttackOptions& o, int query, std::int64_t side, const ImageRandom& random) {
  const bool is_linf = o.norm == Norm::linf;
  if (query < 0) return is_linf ? stripes(canvas, o.eps, random) : grid_of_bumps(canvas, o.eps, random);
  is_linf ? recolour(canvas, o.eps, side, random) : move_mass(canvas, o.eps, side, random);
}

void run(const Victim& victim, const ImageBatch& images, const AttackOptions& o, const SquareOptions& own, int restart,
         MemberResult& result) {
  const std::size_t size = images.size();
  std::vector<std::size_t> active = result.survivors();
  std::vector<BestImage> states(images.count());
  std::vector<float> pixels;
  for (int query = -1; query < own.queries && !active.empty(); ++query) {
    const RandomKey key{o.seed, random_stream(str("square/", restart, "/", query))};
    const std::int64_t side = square_side(o.norm, own.p_init, query, images.height, images.width);
    pixels.resize(active.size() * size);
    const auto trial = [&](std::size_t k) { return std::span(pixels).subspan(k * size, size); };
    parallel_for(
        static_cast<std::int64_t>(active.size()),
        [&](std::int64_t begin, std::int64_t end) {
          for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
            const std::size_t row = active[k];
            const Canvas canvas{images.height,     images.width,     images.channels,
                                images.image(row), states[row].best, trial(k)};
            propose(canvas, o, query, side, ImageRandom(key, images.indices[row]));
          }
        },
        /*cost=*/static_cast<std::int64_t>(8 * size));
    const Answer a = victim.classify(images, pixels);
    std::size_t standing = 0;
    for (std::size_t k = 0; k < active.size(); ++k) {
      const std::size_t row = active[k];
      if (a.prediction(k) != images.labels[row]) {
        result.keep(row, trial(k));
        continue;
      }
      active[standing++] = row;
      const float margin = a.margin(k, images.labels[row]);
      if (query >= 0 && margin >= states[row].margin) continue;
      states[row].margin = margin;
      states[row].best.assign(trial(k).begin(), trial(k).end());
    }
    active.resize(standing);
  }
}

}  // namespace

std::int64_t square_side(Norm norm, float p_init, int i, std::int64_t height, std::int64_t width) {
  constexpr std::array<int, 9> kLast = {10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000};
  const std::int64_t largest = std::min(height, width);
  double p = p_init;
  for (const int last : kLast)
    if (i > last) p /= 2;
  const auto side = std::llround(std::sqrt(p * static_cast<double>(height) * static_cast<double>(width)));
  if (norm == Norm::linf) return std::clamp<std::int64_t>(side, 1, largest);
  return std::min(std::max<std::int64_t>(side, 3) | 1, largest);
}

Fields square_fields(SquareOptions& o) {
  return {field("restarts", o.restarts, at_least(1), "Random starts; default: 1"),
          field("queries", o.queries, at_least(1), "square and random: queries an image; default: 5000")};
}

MemberResult square_attack(const Victim& victim, const ImageBatch& images, const AttackOptions& o,
                           const SquareOptions& own) {
  MemberResult result(images);
  for (int restart = 0; restart < own.restarts; ++restart) run(victim, images, o, own, restart, result);
  return result;
}

}  // namespace kelvin
