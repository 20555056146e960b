#include "apps/attacks/random_points.h"

#include "apps/attacks/attack.h"
#include "apps/attacks/ball.h"
#include "kernels/attacks/pgd_bounds.h"
#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

// x ± ε: thirty-two signs from every random word
void corner(std::span<float> out, std::span<const float> x0, float eps, const ImageRandom& random) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < x0.size(); ++i, word >>= 1) {
    if (i % 32 == 0) word = random.bits(i / 32);
    out[i] = (word & 1u) != 0 ? ball_upper_bound(x0[i], eps) : ball_lower_bound(x0[i], eps);
  }
}

}  // namespace

Fields random_points_fields(RandomPointsOptions& o) {
  return {field("queries", o.queries, at_least(1), "Points an image")};
}

MemberResult random_points(const Victim& victim, const ImageBatch& images, const AttackOptions& o,
                           const RandomPointsOptions& own) {
  const Ball ball{o.norm, o.eps};
  const std::size_t size = images.size();
  MemberResult result(images);
  std::vector<std::size_t> active = all_rows(images.count());
  std::vector<float> pixels;
  for (int query = 0; query < own.queries && !active.empty(); ++query) {
    const RandomKey key{o.seed, random_stream(str("random_points/", query))};
    pixels.resize(active.size() * size);
    parallel_for(
        static_cast<std::int64_t>(active.size()),
        [&](std::int64_t begin, std::int64_t end) {
          for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
            const auto x0 = images.image(active[k]);
            const std::span<float> out = std::span(pixels).subspan(k * size, size);
            const ImageRandom random(key, images.indices[active[k]]);
            if (o.norm == Norm::linf) {
              corner(out, x0, o.eps, random);
            } else {
              const std::vector<float> x = ball.start_on_surface(x0, random);
              std::copy(x.begin(), x.end(), out.begin());
            }
          }
        },
        /*cost=*/static_cast<std::int64_t>(40 * size));
    const Answer a = victim.classify(images, pixels);
    std::size_t standing = 0;
    for (std::size_t k = 0; k < active.size(); ++k) {
      if (a.prediction(k) != images.labels[active[k]])
        result.keep(active[k], std::span(pixels).subspan(k * size, size));
      else
        active[standing++] = active[k];
    }
    active.resize(standing);
  }
  return result;
}

}  // namespace kelvin
