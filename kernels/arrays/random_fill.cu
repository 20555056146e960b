// One thread a Philox counter, four elements: compute-bound (about 100 integer operations), writes only.
#include "kernels/arrays/random_fill.h"
#include "kernels/simt/launch.h"

namespace kelvin {
namespace {

template <bool kNormal>
__global__ void __launch_bounds__(256)
    random_kernel(float* y, std::int64_t first, std::int64_t end, RandomKey key, float a, float b) {
  const std::int64_t group = first / 4 + static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (4 * group >= end) return;
  const auto bits = philox(key, static_cast<std::uint64_t>(group));
  float four[4];
  if constexpr (kNormal) {
    const auto first = normal_pair(bits[0], bits[1]), second = normal_pair(bits[2], bits[3]);
    const float standard[4] = {first[0], first[1], second[0], second[1]};
    for (int k = 0; k < 4; ++k) four[k] = a + b * standard[k];
  } else {
    for (int k = 0; k < 4; ++k) four[k] = a + (b - a) * uniform01(bits[static_cast<std::size_t>(k)]);
  }
  for (int k = 0; k < 4; ++k)
    if (const std::int64_t i = 4 * group + k; i >= first && i < end) y[i - first] = four[k];
}

}  // namespace

void fill_uniform(const Cuda& cuda, View<float> y, RandomKey key, float low, float high) {
  launch(cuda, random_kernel<false>, {.grid = pieces(y.size(), 4 * 256)}, y.data, std::int64_t{0}, y.size(), key, low,
         high);
}

void fill_normal(const Cuda& cuda, View<float> y, RandomKey key, float mean, float stddev, std::int64_t first) {
  const std::int64_t end = first + y.size(), groups = (end + 3) / 4 - first / 4;
  launch(cuda, random_kernel<true>, {.grid = pieces(groups, 256)}, y.data, first, end, key, mean, stddev);
}

}  // namespace kelvin
