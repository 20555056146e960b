// Sums down the columns of a [rows, cols] matrix, two sums a column at once, in an order that does not depend on the device: for BatchNorm
// statistics and bias gradients. Included by .cu files only.
//
//   struct Step {    // adds one row's contribution to the N neighbouring columns from `col` on; `at` = row · cols + col
//     static constexpr int kRowsAtOnce = 2;    // rows a thread reads before it adds the first: four or six 16-byte reads are enough
//     template <int N> __device__ void add(Pack<N>& first, Pack<N>& second, std::int64_t at, std::int64_t row, std::int64_t col) const;
//   };
//   struct Finish {                                                                                   // uses the two totals
//     __device__ auto inputs(std::int64_t col) const;                     // its other inputs, read while the totals are computed
//     __device__ void finish(std::int64_t col, double first, double second, const Inputs& inputs) const;
//   };
//
// The compiler moves the reads of kRowsAtOnce calls (four if the step has no such constant) before their sums. It may not do so where a step also
// writes, because the output could be the next input. Such a step has a separate function that reads:
//     template <int N> __device__ auto shared(std::int64_t col) const;                    // what all rows of these columns have in common
//     template <int N> __device__ auto read(std::int64_t at) const;                       // a row
//     template <int N> __device__ void add(Pack<N>& first, Pack<N>& second, const Row& row, const Shared& shared, std::int64_t at) const;
//
// A block owns 64 columns. All blocks go through the rows together, from the last to the first. The kernel before wrote the matrix from the first row
// on, and the kernel after will read it from there: so each begins with the rows that the second-level cache still holds. Two passes in one
// direction through a matrix larger than the cache would find nothing there. A thread reads several rows at a time, because full memory bandwidth
// needs about 16 KB of pending reads a multiprocessor. The threads' sums are added in shared memory. Where several blocks share the rows, each
// writes its sums to memory, and the last block adds them in double, in the order of the blocks (simt/last_block.h). Bytes: the matrix once, and
// 8 written and read for each block and column.
#pragma once

#include <algorithm>

#include "kernels/device/pool_block.h"
#include "kernels/simt/last_block.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {

inline constexpr int kReduceThreads = 512, kReduceColumns = 64;
// Nearly two blocks for each multiprocessor of today's largest GPU. A power of 2, because it divides the usual numbers of rows.
inline constexpr int kReduceBlocks = 256;
static_assert(kReduceBlocks <= kMostTickets);  // no more columns of blocks than these share their rows

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

// For a Finish that reads nothing else.
struct NoInputs {};

// Two blocks fit a multiprocessor: 64 registers a thread. partial [gridDim.x, gridDim.y, 2 · columns of a block], where gridDim.y > 1.
template <int N, class Step, class Finish>
__global__ void __launch_bounds__(kReduceThreads, 2)
    column_reduce_kernel(float* partial, std::int64_t rows, std::int64_t cols, int packs, Step step, Finish finish) {
  constexpr int kQuad = N % 4 == 0 ? 4 : 1;  // sums of a block that a thread reads at once
  // + 4: a warp reads eight columns of four packs at once, which then lie in 32 different banks
  constexpr int kPitch = kReduceThreads + 4;
  // First the threads' sums [2, N, kPitch], in the last block then its parts of the totals, kQuad a thread.
  constexpr std::size_t kSums = 2 * N * kPitch * sizeof(float), kParts = kQuad * kReduceThreads * sizeof(double);
  alignas(16) __shared__ char memory[kSums > kParts ? kSums : kParts];
  __shared__ double totals[kReduceThreads];
  auto* const sums = reinterpret_cast<float*>(memory);
  auto* const part_sums = reinterpret_cast<double*>(memory);
  const int thread = static_cast<int>(threadIdx.x), lanes = kReduceThreads / packs;
  const std::int64_t left = static_cast<std::int64_t>(blockIdx.x) * packs * N;
  {
    const int pack = thread % packs, lane = thread / packs;
    const std::int64_t col = left + pack * N, pitch = static_cast<std::int64_t>(gridDim.y) * lanes;
    const std::int64_t last = rows - 1 - (static_cast<std::int64_t>(blockIdx.y) * lanes + lane);
    Pack<N> first = {}, second = {};
    if (col < cols && lane < lanes) add_rows(first, second, last, pitch, cols, col, step);
#pragma unroll
    for (int k = 0; k < N; ++k) {
      sums[k * kPitch + thread] = first[k];
      sums[(N + k) * kPitch + thread] = second[k];
    }
  }
  __syncthreads();  // read after write: the threads of the other rows have written their sums

  // From here on a block has 2 · width sums, the first of all its columns and then the second; the lanes of each are shared among `parts` threads.
  const int width = packs * N, values = 2 * width, parts = kReduceThreads / values;
  const int value = thread % values, part = thread / values, column = value % width;
  double total = 0;
  if (part < parts && part < lanes) {
    const float* const lane_sums = sums + (value / width * N + column % N) * kPitch + column / N;
#pragma unroll 4
    for (int l = part; l < lanes; l += parts) total += lane_sums[l * packs];
  }
  totals[thread] = total;
  __syncthreads();  // read after write: the other parts are there
  if (part == 0)
    for (int p = 1; p < parts; ++p) total += totals[p * values + thread];

  const bool finishes = thread < width && left + thread < cols;
  if (gridDim.y > 1) {
    float* const block_sums = partial + static_cast<std::int64_t>(blockIdx.x) * gridDim.y * values;
    if (part == 0) block_sums[static_cast<std::int64_t>(blockIdx.y) * values + thread] = static_cast<float>(total);
    if (!is_last_block(blockIdx.x, gridDim.y)) return;
  }
  decltype(finish.inputs(0)) inputs = {};
  if (finishes) inputs = finish.inputs(left + thread);
  if (gridDim.y > 1) {
    // All threads read, kQuad neighbouring sums each: the time is that of a few dependent loads.
    const float* const block_sums = partial + static_cast<std::int64_t>(blockIdx.x) * gridDim.y * values;
    const int quads = values / kQuad, shares = kReduceThreads / quads, share = thread / quads;
    const float* const mine = block_sums + thread % quads * kQuad;
    double quad_sums[kQuad] = {};
    if (share < shares) {
#pragma unroll 8
      for (unsigned b = share; b < gridDim.y; b += shares) {
        const Pack<kQuad> sum = load<kQuad>(mine + static_cast<std::int64_t>(b) * values);
#pragma unroll
        for (int k = 0; k < kQuad; ++k) quad_sums[k] += sum[k];
      }
#pragma unroll
      for (int k = 0; k < kQuad; ++k) part_sums[thread * kQuad + k] = quad_sums[k];
    }
    __syncthreads();  // read after write: the other shares are there
    total = 0;
    if (thread < values)
#pragma unroll 4
      for (int s = 0; s < shares; ++s) total += part_sums[s * values + thread];
  }
  // A column's first thread needs both of its sums.
  __syncthreads();  // write after read: the parts of the block's own sums
  if (thread < values) totals[thread] = total;
  __syncthreads();  // read after write: the second sum is there
  if (finishes) finish.finish(left + thread, total, totals[width + thread], inputs);
}

// `in_packs`: the step may read packs of eight.
template <class Step, class Finish>
void column_reduce(const Cuda& cuda, std::int64_t rows, std::int64_t cols, bool in_packs, const Step& step,
                   const Finish& finish) {
  const bool has_packs = in_packs && cols % kElementsPerThread == 0;
  const std::int64_t n = has_packs ? kElementsPerThread : 1, all_packs = cols / n;
  const std::int64_t packs = std::min(kReduceColumns / n, all_packs);
  const unsigned column_blocks = pieces(all_packs, packs);
  // A block has work for all its threads.
  const std::int64_t fewest_rows = kReduceThreads / packs * rows_at_once<Step>();
  const std::int64_t wanted = std::max<std::int64_t>(1, kReduceBlocks / column_blocks);
  const auto row_blocks = static_cast<unsigned>(std::clamp<std::int64_t>(rows / fewest_rows, 1, wanted));
  const CudaBlock partial(
      cuda, row_blocks > 1 ? static_cast<std::size_t>(2 * row_blocks * column_blocks * packs * n) * sizeof(float) : 0);
  launch(cuda,
         has_packs ? column_reduce_kernel<kElementsPerThread, Step, Finish> : column_reduce_kernel<1, Step, Finish>,
         {.grid = column_blocks, .block = kReduceThreads, .grid_y = row_blocks}, partial.as<float>(), rows, cols,
         static_cast<int>(packs), step, finish);
}

}  // namespace kelvin
