#include "kernels/arrays/random_fill.h"

#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

// Four elements share one Philox counter; `draw` turns four words into four numbers.
template <class Draw>
void fill_by_four(View<float> y, RandomKey key, std::int64_t first, const Draw& draw) {
  const std::int64_t first_group = first / 4, end_of_all = first + y.size();
  parallel_for((end_of_all + 3) / 4 - first_group,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t g = first_group + begin; g < first_group + end; ++g) {
                   const std::array<float, 4> four = draw(philox(key, static_cast<std::uint64_t>(g)));
                   for (std::int64_t i = std::max(4 * g, first); i < std::min(4 * g + 4, end_of_all); ++i)
                     y[i - first] = four[static_cast<std::size_t>(i % 4)];
                 }
               },
               /*cost=*/100);
}

}  // namespace

void fill_uniform(Cpu, View<float> y, RandomKey key, float low, float high) {
  fill_by_four(y, key, 0, [=](const std::array<std::uint32_t, 4>& bits) {
    std::array<float, 4> four;
    for (std::size_t i = 0; i < 4; ++i) four[i] = low + (high - low) * uniform01(bits[i]);
    return four;
  });
}

void fill_normal(Cpu, View<float> y, RandomKey key, float mean, float stddev, std::int64_t first) {
  fill_by_four(y, key, first, [=](const std::array<std::uint32_t, 4>& bits) {
    const auto a = normal_pair(bits[0], bits[1]);
    const auto b = normal_pair(bits[2], bits[3]);
    return std::array<float, 4>{mean + stddev * a[0], mean + stddev * a[1], mean + stddev * b[0], mean + stddev * b[1]};
  });
}

}  // namespace kelvin
