// One pass over both matrices; each block leaves two sums, which the host adds in order.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/arrays/relative_error.h"
#include "kernels/device/pool_block.h"
#include "kernels/device/transfer.h"
#include "kernels/simt/groups.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

constexpr unsigned kBlocks = 128;
using SumGroup = BlockGroup<256>;

// sums [kBlocks, 2]
template <class T>
__global__ void __launch_bounds__(256) squares_kernel(double* sums, const T* got, const T* reference, std::int64_t rows,
                                                      std::int64_t cols, std::int64_t begin, std::int64_t end) {
  const SumGroup group;
  double difference = 0, norm = 0;
  for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x)
    for (std::int64_t col = begin + group.rank(); col < end; col += SumGroup::kThreads) {
      const double r = to_float(reference[row * cols + col]), d = to_float(got[row * cols + col]) - r;
      difference += d * d;
      norm += r * r;
    }
  difference = group.sum(difference);
  norm = group.sum(norm);
  if (group.rank() != 0) return;
  sums[2 * blockIdx.x] = difference;
  sums[2 * blockIdx.x + 1] = norm;
}

// has_numbers [kBlocks]
template <class T>
__global__ void __launch_bounds__(256) numbers_kernel(int* has_numbers, const T* x, std::int64_t n) {
  int found = 0;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += static_cast<std::int64_t>(gridDim.x) * blockDim.x) {
    const float value = to_float(x[i]);
    if (value == value) found = 1;
  }
  found = __syncthreads_or(found);
  if (threadIdx.x == 0) has_numbers[blockIdx.x] = found;
}

}  // namespace

template <class T>
Distance distance(const Cuda& cuda, View<const T> got, View<const T> reference, std::int64_t begin, std::int64_t end) {
  constexpr std::size_t kBytes = 2 * kBlocks * sizeof(double);
  const CudaBlock sums(cuda, kBytes);
  launch(cuda, squares_kernel<T>, {.grid = kBlocks, .block = SumGroup::kThreads}, sums.as<double>(), got.data,
         reference.data, got.rows(), got.cols(), begin, end);
  std::vector<double> block_results(2 * kBlocks);
  copy_to_host(cuda, block_results.data(), sums.as<double>(), kBytes);
  Distance d;
  for (std::size_t b = 0; b < kBlocks; ++b) {
    d.difference += block_results[2 * b];
    d.reference += block_results[2 * b + 1];
  }
  return {std::sqrt(d.difference), std::sqrt(d.reference)};
}

template <class T>
bool is_all_nan(const Cuda& cuda, View<const T> x) {
  const CudaBlock flags(cuda, kBlocks * sizeof(int));
  launch(cuda, numbers_kernel<T>, {.grid = kBlocks, .block = SumGroup::kThreads}, flags.as<int>(), x.data, x.size());
  std::vector<int> block_results(kBlocks);
  copy_to_host(cuda, block_results.data(), flags.as<int>(), kBlocks * sizeof(int));
  return std::none_of(block_results.begin(), block_results.end(), [](int has_numbers) { return has_numbers != 0; });
}

template bool is_all_nan(const Cuda&, View<const float>);
template bool is_all_nan(const Cuda&, View<const bfloat16>);
template Distance distance(const Cuda&, View<const float>, View<const float>, std::int64_t, std::int64_t);
template Distance distance(const Cuda&, View<const bfloat16>, View<const bfloat16>, std::int64_t, std::int64_t);

}  // namespace kelvin
