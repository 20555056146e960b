// Sums down the columns of a [rows, cols] matrix, two sums a column at once, in a fixed order whatever the device: how BatchNorm
// statistics and bias gradients are made. Included by .cu files only.
//
//   struct Step { template <int N> __device__ void add(Pack<N>& first, Pack<N>& second, std::int64_t at, std::int64_t col) const; };
//
// adds one row's contribution to N neighbouring columns; `at` = row · cols + col. Phase 1: a block owns up to 32 packs of columns and
// one slab of rows, its threads walk down the slab side by side, their sums meet in shared memory in order. Phase 2, the caller's:
// one thread a column adds the slabs, in double (`slab_sum`).
#pragma once

#include "kernels/device/launch.h"
#include "kernels/device/packs.h"
#include "kernels/device/pool_block.h"

namespace kelvin {

// partial [slabs, 2, cols]
struct ColumnSums {
  const float* partial;
  std::int64_t slabs, cols;
  __device__ double total(int which, std::int64_t col) const {
    double sum = 0;
    for (std::int64_t s = 0; s < slabs; ++s) sum += partial[(2 * s + which) * cols + col];
    return sum;
  }
};

inline constexpr int kReduceThreads = 256;

template <int N, class Step>
__global__ void __launch_bounds__(kReduceThreads)
    column_reduce_kernel(float* partial, std::int64_t rows, std::int64_t cols, std::int64_t rows_per_slab, int packs,
                         Step step) {
  __shared__ float sums[2][N][kReduceThreads];
  const int thread = static_cast<int>(threadIdx.x), lanes_of_rows = kReduceThreads / packs;
  const int pack = thread % packs, lane = thread / packs;
  const std::int64_t col = (static_cast<std::int64_t>(blockIdx.x) * packs + pack) * N;
  const std::int64_t begin = blockIdx.y * rows_per_slab;
  const std::int64_t end = begin + rows_per_slab < rows ? begin + rows_per_slab : rows;
  Pack<N> first = {}, second = {};
  if (col < cols && lane < lanes_of_rows)
    for (std::int64_t row = begin + lane; row < end; row += lanes_of_rows)
      step.add(first, second, row * cols + col, col);
  for (int k = 0; k < N; ++k) {
    sums[0][k][thread] = first[k];
    sums[1][k][thread] = second[k];
  }
  __syncthreads();  // read after write: the threads of the other rows have put down their sums
  if (lane != 0 || col >= cols) return;
  for (int which = 0; which < 2; ++which)
    for (int k = 0; k < N; ++k) {
      float sum = 0;
      for (int l = 0; l < lanes_of_rows; ++l) sum += sums[which][k][l * packs + pack];
      partial[(2 * blockIdx.y + which) * cols + col + k] = sum;
    }
}

// Runs phase 1 and calls finish(ColumnSums) while its scratch memory lives. `in_packs`: the step may read packs of eight.
template <class Step, class Finish>
void column_reduce(const Cuda& cuda, std::int64_t rows, std::int64_t cols, bool in_packs, const Step& step,
                   const Finish& finish) {
  constexpr std::int64_t kMostSlabs = 256, kFewestRows = 64;
  const std::int64_t rows_per_slab = std::max(kFewestRows, (rows + kMostSlabs - 1) / kMostSlabs);
  const std::int64_t slabs = (rows + rows_per_slab - 1) / rows_per_slab;
  const CudaBlock partial(cuda, static_cast<std::size_t>(2 * slabs * cols) * sizeof(float));
  const auto run = [&](auto width, auto kernel) {
    constexpr int kWidth = decltype(width)::value;
    const std::int64_t all_packs = (cols + kWidth - 1) / kWidth;
    const int packs = static_cast<int>(std::min<std::int64_t>(32, all_packs));
    launch(cuda, kernel,
           {.grid = pieces(all_packs, packs), .block = kReduceThreads, .grid_y = static_cast<unsigned>(slabs)},
           partial.as<float>(), rows, cols, rows_per_slab, packs, step);
  };
  if (in_packs && cols % kElementsPerThread == 0)
    run(std::integral_constant<int, kElementsPerThread>{}, column_reduce_kernel<kElementsPerThread, Step>);
  else
    run(std::integral_constant<int, 1>{}, column_reduce_kernel<1, Step>);
  finish(ColumnSums{partial.as<const float>(), slabs, cols});
}

}  // namespace kelvin
