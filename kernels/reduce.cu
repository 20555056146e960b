// Whole sums in two launches: a fixed number of elements a block, in double; then one block adds the blocks in order.
#include <cmath>

#include "kernels/device/column_reduce.h"
#include "kernels/device/groups.h"
#include "kernels/reduce.h"

namespace kelvin {
namespace {

using SumGroup = BlockGroup<256>;
constexpr std::int64_t kElementsPerBlock = 16384;

// What is summed.
struct Itself {
  static __device__ double term(double v) { return v; }
};
struct Square {
  static __device__ double term(double v) { return v * v; }
};

template <class Term>
__global__ void __launch_bounds__(256) partial_sums(double* partial, const float* x, std::int64_t n) {
  const SumGroup group;
  const std::int64_t begin = blockIdx.x * kElementsPerBlock;
  const std::int64_t end = begin + kElementsPerBlock < n ? begin + kElementsPerBlock : n;
  double sum = 0;
  for (std::int64_t i = begin + group.rank(); i < end; i += SumGroup::kThreads)
    sum += Term::term(static_cast<double>(x[i]));
  sum = group.sum(sum);
  if (group.rank() == 0) partial[blockIdx.x] = sum;
}

// total = (is_running ? total : 0) + factor · Σ partial
__global__ void __launch_bounds__(256)
    final_sum(float* total, const double* partial, std::int64_t n, float factor, bool is_running) {
  const SumGroup group;
  double sum = 0;
  for (std::int64_t i = group.rank(); i < n; i += SumGroup::kThreads) sum += partial[i];
  sum = group.sum(sum);
  if (group.rank() == 0) total[0] = (is_running ? total[0] : 0.0f) + static_cast<float>(sum * factor);
}

__global__ void __launch_bounds__(256) final_norm(float* norm, const double* partial, std::int64_t n) {
  const SumGroup group;
  double sum = 0;
  for (std::int64_t i = group.rank(); i < n; i += SumGroup::kThreads) sum += partial[i];
  sum = group.sum(sum);
  if (group.rank() == 0) norm[0] = static_cast<float>(sqrt(sum));
}

void sum_into(const Cuda& cuda, View<float> total, View<const float> x, float factor, bool is_running) {
  const std::int64_t blocks = (x.size() + kElementsPerBlock - 1) / kElementsPerBlock;
  const CudaBlock partial(cuda, static_cast<std::size_t>(blocks) * sizeof(double));
  launch(cuda, partial_sums<Itself>, {.grid = static_cast<unsigned>(blocks), .block = 256}, partial.as<double>(),
         x.data, x.size());
  launch(cuda, final_sum, {.grid = 1, .block = 256}, total.data, partial.as<const double>(), blocks, factor,
         is_running);
}

template <class T>
struct ColumnStep {
  const T* x;
  template <int N>
  __device__ void add(Pack<N>& first, Pack<N>&, std::int64_t at, std::int64_t, std::int64_t) const {
    const Pack<N> v = load<N>(x + at);
    for (int k = 0; k < N; ++k) first[k] += v[k];
  }
};

struct ColumnTotals {
  float* sums;
  __device__ void finish(std::int64_t col, double total, double) const { sums[col] = static_cast<float>(total); }
};

}  // namespace

void reduce_norm(const Cuda& cuda, View<float> norm, View<const float> x) {
  const std::int64_t blocks = (x.size() + kElementsPerBlock - 1) / kElementsPerBlock;
  const CudaBlock partial(cuda, static_cast<std::size_t>(blocks) * sizeof(double));
  launch(cuda, partial_sums<Square>, {.grid = static_cast<unsigned>(blocks), .block = 256}, partial.as<double>(),
         x.data, x.size());
  launch(cuda, final_norm, {.grid = 1, .block = 256}, norm.data, partial.as<const double>(), blocks);
}

void reduce_sum(const Cuda& cuda, View<float> sum, View<const float> x, float factor) {
  sum_into(cuda, sum, x, factor, false);
}

void accumulate_sum(const Cuda& cuda, View<float> total, View<const float> x, float factor) {
  sum_into(cuda, total, x, factor, true);
}

template <class T>
void column_sum(const Cuda& cuda, View<float> sums, View<const T> x) {
  column_reduce(cuda, x.rows(), x.cols(), can_use_packs(x), ColumnStep<T>{x.data}, ColumnTotals{sums.data});
}

template void column_sum(const Cuda&, View<float>, View<const float>);
template void column_sum(const Cuda&, View<float>, View<const bfloat16>);

}  // namespace kelvin
