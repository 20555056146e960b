// Whole sums in one launch: a fixed number of elements a block, in double; the last block adds the others up in order.
#include <cmath>

#include "kernels/arrays/reduce.h"
#include "kernels/simt/column_reduce.h"
#include "kernels/simt/groups.h"
#include "kernels/simt/last_block.h"

namespace kelvin {
namespace {

using SumGroup = BlockGroup<256>;
constexpr std::int64_t kElementsPerBlock = 16384;

// The terms of the sums.
struct Itself {
  static __device__ double term(double v) { return v; }
};
struct Square {
  static __device__ double term(double v) { return v * v; }
};

// The use of the total.
struct ToSum {  // total = (is_running ? total : 0) + factor · Σ
  float* total;
  float factor;
  bool is_running;
  __device__ void finish(double sum) const {
    total[0] = (is_running ? total[0] : 0.0f) + static_cast<float>(sum * factor);
  }
};
struct ToNorm {  // √Σ
  float* norm;
  __device__ void finish(double sum) const { norm[0] = static_cast<float>(sqrt(sum)); }
};

// partial [gridDim.x], where that is more than 1.
template <class Term, class Finish>
__global__ void __launch_bounds__(SumGroup::kThreads)
    sum_kernel(double* partial, const float* x, std::int64_t n, Finish finish) {
  const SumGroup group;
  const std::int64_t begin = blockIdx.x * kElementsPerBlock;
  const std::int64_t end = begin + kElementsPerBlock < n ? begin + kElementsPerBlock : n;
  double sum = 0;
  for (std::int64_t i = begin + group.rank(); i < end; i += SumGroup::kThreads)
    sum += Term::term(static_cast<double>(x[i]));
  sum = group.sum(sum);
  if (gridDim.x > 1) {
    if (group.rank() == 0) partial[blockIdx.x] = sum;
    if (!is_last_block(0, gridDim.x)) return;
    sum = 0;
    for (unsigned b = group.rank(); b < gridDim.x; b += SumGroup::kThreads) sum += partial[b];
    sum = group.sum(sum);
  }
  if (group.rank() == 0) finish.finish(sum);
}

template <class Term, class Finish>
void sum_all(const Cuda& cuda, const View<const float>& x, const Finish& finish) {
  const unsigned blocks = std::max(1u, pieces(x.size(), kElementsPerBlock));
  const CudaBlock partial(cuda, blocks > 1 ? blocks * sizeof(double) : 0);
  launch(cuda, sum_kernel<Term, Finish>, {.grid = blocks, .block = SumGroup::kThreads}, partial.as<double>(), x.data,
         x.size(), finish);
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
  __device__ NoInputs inputs(std::int64_t) const { return {}; }
  __device__ void finish(std::int64_t col, double total, double, NoInputs) const {
    sums[col] = static_cast<float>(total);
  }
};

}  // namespace

void reduce_norm(const Cuda& cuda, View<float> norm, View<const float> x) {
  sum_all<Square>(cuda, x, ToNorm{norm.data});
}

void reduce_sum(const Cuda& cuda, View<float> sum, View<const float> x, float factor) {
  sum_all<Itself>(cuda, x, ToSum{sum.data, factor, false});
}

void accumulate_sum(const Cuda& cuda, View<float> total, View<const float> x, float factor) {
  sum_all<Itself>(cuda, x, ToSum{total.data, factor, true});
}

template <class T>
void column_sum(const Cuda& cuda, View<float> sums, View<const T> x) {
  column_reduce(cuda, x.rows(), x.cols(), can_use_packs(x), ColumnStep<T>{x.data}, ColumnTotals{sums.data});
}

template void column_sum(const Cuda&, View<float>, View<const float>);
template void column_sum(const Cuda&, View<float>, View<const bfloat16>);

}  // namespace kelvin
