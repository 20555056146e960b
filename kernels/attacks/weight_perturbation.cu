// Two launches: sums of squares of w and g, a fixed number of elements a block; then every block adds those up in order and moves its
// share. 16 bytes of reads an element, of which the second half finds the cache, and 8 of writes.
#include <cmath>

#include "kernels/attacks/weight_perturbation.h"
#include "kernels/device/pool_block.h"
#include "kernels/simt/groups.h"

namespace kelvin {
namespace {

using SumGroup = BlockGroup<256>;
constexpr std::int64_t kElementsPerBlock = 16384;

// partial[2 b], partial[2 b + 1] = Σ w², Σ g² of block b
__global__ void __launch_bounds__(256) squares_kernel(double* partial, const float* w, const float* g, std::int64_t n) {
  const SumGroup group;
  const std::int64_t begin = blockIdx.x * kElementsPerBlock;
  const std::int64_t end = begin + kElementsPerBlock < n ? begin + kElementsPerBlock : n;
  double w_squares = 0, g_squares = 0;
  for (std::int64_t i = begin + group.rank(); i < end; i += SumGroup::kThreads) {
    w_squares += static_cast<double>(w[i]) * w[i];
    g_squares += static_cast<double>(g[i]) * g[i];
  }
  w_squares = group.sum(w_squares);
  g_squares = group.sum(g_squares);
  if (group.rank() != 0) return;
  partial[2 * blockIdx.x] = w_squares;
  partial[2 * blockIdx.x + 1] = g_squares;
}

__global__ void __launch_bounds__(256)
    move_kernel(float* w, float* undo, const float* g, const double* partial, std::int64_t n, float gamma) {
  const SumGroup group;
  double w_norm = 0, g_norm = 0;
  for (std::int64_t b = group.rank(); b < gridDim.x; b += SumGroup::kThreads) {
    w_norm += partial[2 * b];
    g_norm += partial[2 * b + 1];
  }
  w_norm = sqrt(group.sum(w_norm));
  g_norm = sqrt(group.sum(g_norm));
  const auto factor =
      static_cast<float>(gamma * w_norm * kProxyLearningRate / (kProxyLearningRate * g_norm + kPerturbationGuard));
  const std::int64_t begin = blockIdx.x * kElementsPerBlock;
  const std::int64_t end = begin + kElementsPerBlock < n ? begin + kElementsPerBlock : n;
  for (std::int64_t i = begin + group.rank(); i < end; i += SumGroup::kThreads) {
    undo[i] = -factor * g[i];
    w[i] -= undo[i];
  }
}

}  // namespace

void perturb_weights(const Cuda& cuda, View<float> w, View<float> undo, View<const float> g, float gamma) {
  const unsigned blocks = pieces(w.size(), kElementsPerBlock);
  const CudaBlock partial(cuda, 2 * static_cast<std::size_t>(blocks) * sizeof(double));
  launch(cuda, squares_kernel, {.grid = blocks, .block = 256}, partial.as<double>(), w.data, g.data, w.size());
  launch(cuda, move_kernel, {.grid = blocks, .block = 256}, w.data, undo.data, g.data, partial.as<const double>(),
         w.size(), gamma);
}

}  // namespace kelvin
