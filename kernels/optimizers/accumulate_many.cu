// A row of blocks for each pair; the pairs travel in the kernel's arguments (at most 4 KiB), so that a recorded step needs no table in memory.
// Scalar accesses: a parameter's gradient may begin anywhere, and what counts here is the number of launches.
#include <algorithm>

#include "kernels/optimizers/accumulate_many.h"
#include "kernels/simt/launch.h"

namespace kelvin {
namespace {

constexpr unsigned kThreads = 256;

struct Pair {
  float* to;
  const float* from;
  std::int64_t size;
};

struct Pairs {
  static constexpr std::size_t kMost = 128;
  Pair pairs[kMost];
};

__global__ void __launch_bounds__(kThreads) accumulate_many_kernel(Pairs all) {
  const Pair pair = all.pairs[blockIdx.y];
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < pair.size; i += stride)
    pair.to[i] += pair.from[i];
}

}  // namespace

void accumulate_many(const Cuda& cuda, std::span<const Addition> additions) {
  constexpr std::int64_t kElementsPerThread = 4;
  while (!additions.empty()) {
    const std::size_t count = std::min(additions.size(), Pairs::kMost);
    Pairs all{};
    std::int64_t largest = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Addition& a = additions[i];
      all.pairs[i] = {a.to.data, a.from.data, a.to.size()};
      largest = std::max(largest, a.to.size());
    }
    launch(cuda, accumulate_many_kernel,
           {.grid = std::min(pieces(largest, kThreads * kElementsPerThread), 64u),
            .block = kThreads,
            .grid_y = static_cast<unsigned>(count)},
           all);
    additions = additions.subspan(count);
  }
}

}  // namespace kelvin
