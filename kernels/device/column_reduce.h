// Sums down the columns of a [rows, cols] matrix, two sums a column at once, in a fixed order whatever the device: how BatchNorm
// statistics and bias gradients are made. Included by .cu files only.
//
//   struct Step {    // adds one row's contribution to the N neighbouring columns from `col` on; `at` = row · cols + col
//     static constexpr int kRowsAtOnce = 2;    // rows a thread reads before it adds the first: four or six 16-byte reads are enough
//     template <int N> __device__ void add(Pack<N>& first, Pack<N>& second, std::int64_t at, std::int64_t row, std::int64_t col) const;
//   };
//   struct Finish { __device__ void finish(std::int64_t col, double first, double second) const; };   // uses the two totals
//
// The compiler puts the reads of kRowsAtOnce calls (four if the step says nothing) before their sums. It may not where a step also writes, since
// what it writes could be what it reads next. Such a step reads in a function of its own:
//     template <int N> __device__ auto shared(std::int64_t col) const;                    // what all rows of these columns have in common
//     template <int N> __device__ auto read(std::int64_t at) const;                       // a row
//     template <int N> __device__ void add(Pack<N>& first, Pack<N>& second, const Row& row, const Shared& shared, std::int64_t at) const;
//
// Phase 1: a block owns up to 32 packs of columns, and all blocks together walk up the rows from the last to the first, side by side. Whoever
// wrote the matrix began with the first row, and whoever reads it next will: so each finds in the second-level cache what the one before it
// touched last, where two walks in one direction through a matrix that is larger than the cache find nothing. A thread has several rows on
// their way at a time: to read as fast as memory gives, a multiprocessor has to have some 16 KB on their way. The threads' sums meet in shared
// memory, where every sum of the block is one thread's work, in order. Phase 2: a block owns 32 columns, 32 threads to each, which add the blocks'
// sums in double; theirs meet in shared memory, and one thread a column finishes. Bytes: the matrix once, and 8 a block and column written and read.
#pragma once

#include "kernels/device/launch.h"
#include "kernels/device/packs.h"
#include "kernels/device/pool_block.h"

namespace kelvin {

inline constexpr int kReduceThreads = 256;

template <class Step>
constexpr int rows_at_once() {
  if constexpr (requires { Step::kRowsAtOnce; })
    return Step::kRowsAtOnce;
  else
    return 4;
}

// Adds rows row, row − pitch, ... down to 0 to the sums of the N columns from `col` on.
template <int N, class Step>
__device__ void add_rows(Pack<N>& first, Pack<N>& second, std::int64_t row, std::int64_t pitch, std::int64_t cols,
                         std::int64_t col, const Step& step) {
  constexpr int kAtOnce = rows_at_once<Step>();
  if constexpr (kAtOnce > 1)
    for (; row >= (kAtOnce - 1) * pitch; row -= kAtOnce * pitch)
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) step.add(first, second, (row - k * pitch) * cols + col, row - k * pitch, col);
  for (; row >= 0; row -= pitch) step.add(first, second, row * cols + col, row, col);
}

// The same for a step whose reads are apart.
template <int N, class Step>
requires(requires(const Step& step) { step.template read<N>(0); }) __device__
    void add_rows(Pack<N>& first, Pack<N>& second, std::int64_t row, std::int64_t pitch, std::int64_t cols,
                  std::int64_t col, const Step& step) {
  constexpr int kAtOnce = rows_at_once<Step>();
  const auto shared = step.template shared<N>(col);
  std::int64_t at = row * cols + col;
  if constexpr (kAtOnce > 1)
    for (; row >= (kAtOnce - 1) * pitch; row -= kAtOnce * pitch, at -= kAtOnce * pitch * cols) {
      decltype(step.template read<N>(at)) rows[kAtOnce];
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) rows[k] = step.template read<N>(at - k * pitch * cols);
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) step.add(first, second, rows[k], shared, at - k * pitch * cols);
    }
  for (; row >= 0; row -= pitch, at -= pitch * cols) step.add(first, second, step.template read<N>(at), shared, at);
}

// At least four blocks fit a multiprocessor: 64 registers a thread.
template <int N, class Step>
__global__ void __launch_bounds__(kReduceThreads, 4)
    column_reduce_kernel(float* partial, std::int64_t rows, std::int64_t cols, int packs, Step step) {
  // + 4: a warp reads eight columns of four packs at once, which then lie in 32 different banks
  __shared__ float sums[2][N][kReduceThreads + 4];
  const int thread = static_cast<int>(threadIdx.x), lanes_of_rows = kReduceThreads / packs;
  const int pack = thread % packs, lane = thread / packs;
  const std::int64_t left = static_cast<std::int64_t>(blockIdx.x) * packs * N, col = left + pack * N;
  const std::int64_t pitch = static_cast<std::int64_t>(gridDim.y) * lanes_of_rows;
  const std::int64_t last = rows - 1 - (static_cast<std::int64_t>(blockIdx.y) * lanes_of_rows + lane);
  Pack<N> first = {}, second = {};
  if (col < cols && lane < lanes_of_rows) add_rows(first, second, last, pitch, cols, col, step);
  for (int k = 0; k < N; ++k) {
    sums[0][k][thread] = first[k];
    sums[1][k][thread] = second[k];
  }
  __syncthreads();  // read after write: the threads of the other rows have put down their sums
  for (int i = thread; i < 2 * N * packs; i += kReduceThreads) {
    const int which = i / (N * packs), column = i % (N * packs);
    if (left + column >= cols) continue;
    const float* const of_lanes = &sums[which][column % N][column / N];
    float sum = 0;
    for (int l = 0; l < lanes_of_rows; ++l) sum += of_lanes[l * packs];
    partial[(2 * blockIdx.y + which) * cols + left + column] = sum;
  }
}

inline constexpr int kFinishColumns = 32, kFinishLanes = 32;

// partial [blocks, 2, cols]
template <class Finish>
__global__ void __launch_bounds__(kFinishColumns* kFinishLanes)
    column_finish_kernel(const float* partial, std::int64_t blocks, std::int64_t cols, Finish finish) {
  __shared__ double sums[2][kFinishLanes][kFinishColumns];
  const int column = static_cast<int>(threadIdx.x) % kFinishColumns,
            lane = static_cast<int>(threadIdx.x) / kFinishColumns;
  const std::int64_t col = static_cast<std::int64_t>(blockIdx.x) * kFinishColumns + column;
  double first = 0, second = 0;
  if (col < cols)
    for (std::int64_t b = lane; b < blocks; b += kFinishLanes) {
      first += partial[2 * b * cols + col];
      second += partial[(2 * b + 1) * cols + col];
    }
  sums[0][lane][column] = first;
  sums[1][lane][column] = second;
  __syncthreads();  // read after write: the other lanes' sums are there
  if (lane != 0 || col >= cols) return;
  for (int l = 1; l < kFinishLanes; ++l) {
    first += sums[0][l][column];
    second += sums[1][l][column];
  }
  finish.finish(col, first, second);
}

// `in_packs`: the step may read packs of eight.
template <class Step, class Finish>
void column_reduce(const Cuda& cuda, std::int64_t rows, std::int64_t cols, bool in_packs, const Step& step,
                   const Finish& finish) {
  // Enough blocks to fill the largest GPU of today with eight each, where there are rows enough for it.
  constexpr std::int64_t kMostBlocks = 132 * 8, kMostOfRows = 512, kFewestRows = 32;
  const bool has_packs = in_packs && cols % kElementsPerThread == 0;
  const std::int64_t all_packs = has_packs ? cols / kElementsPerThread : cols;
  const auto packs = static_cast<int>(std::min<std::int64_t>(32, all_packs));
  const unsigned column_blocks = pieces(all_packs, packs);
  const std::int64_t wanted = std::clamp<std::int64_t>(kMostBlocks / std::max(1u, column_blocks), 1, kMostOfRows);
  const std::int64_t row_blocks = std::min(wanted, (rows + kFewestRows - 1) / kFewestRows);
  const CudaBlock partial(cuda, static_cast<std::size_t>(2 * row_blocks * cols) * sizeof(float));
  launch(cuda, has_packs ? column_reduce_kernel<kElementsPerThread, Step> : column_reduce_kernel<1, Step>,
         {.grid = column_blocks, .block = kReduceThreads, .grid_y = static_cast<unsigned>(row_blocks)},
         partial.as<float>(), rows, cols, packs, step);
  launch(cuda, column_finish_kernel<Finish>,
         {.grid = pieces(cols, kFinishColumns), .block = kFinishColumns * kFinishLanes}, partial.as<const float>(),
         row_blocks, cols, finish);
}

}  // namespace kelvin
