#include "kernels/arrays/random_fill.h"

#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

// Four elements share one Philox counter; `draw` turns four words into four numbers.
template <class Draw>
void fill_by_four(View<float> y, RandomKey key, const Draw& draw) {
  const std::int64_t groups = (y.size() + 3) / 4;
  parallel_for(
      groups,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t g = begin; g < end; ++g) {
          const std::array<float, 4> four = draw(philox(key, static_cast<std::uint64_t>(g)));
          for (std::int64_t i = 4 * g; i < std::min(4 * g + 4, y.size()); ++i)
            y[i] = four[static_cast<std::size_t>(i % 4)];
        }
      },
      /*cost=*/100);
}

}  // namespace

void fill_uniform(Cpu, View<float> y, RandomKey key, float low, float high) {
  fill_by_four(y, key, [=](const std::array<std::uint32_t, 4>& bits) {
    std::array<float, 4> four;
    for (std::size_t i = 0; i < 4; ++i) four[i] = low + (high - low) * uniform01(bits[i]);
    return four;
  });
}

void fill_normal(Cpu, View<float> y, RandomKey key, float mean, float stddev) {
  fill_by_four(y, key, [=](const std::array<std::uint32_t, 4>& bits) {
    const auto a = normal_pair(bits[0], bits[1]);
    const auto b = normal_pair(bits[2], bits[3]);
    return std::array<float, 4>{mean + stddev * a[0], mean + stddev * a[1], mean + stddev * b[0], mean + stddev * b[1]};
  });
}

}  // namespace kelvin
