#include "kernels/arrays/reduce.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

constexpr std::int64_t kReduceBlock = 4096;  // elements a partial sum covers
constexpr std::int64_t kBlockRows = 128;     // rows a partial column sum covers

// Σ term(x_i): partial sums of fixed blocks, in parallel; combined in the order of the blocks.
template <class Term>
double sum_of(View<const float> x, const Term& term) {
  const std::int64_t blocks = (x.size() + kReduceBlock - 1) / kReduceBlock;
  std::vector<double> partial(static_cast<std::size_t>(blocks));
  parallel_for(
      blocks,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t b = begin; b < end; ++b) {
          double sum = 0;
          for (std::int64_t i = b * kReduceBlock; i < std::min(x.size(), (b + 1) * kReduceBlock); ++i)
            sum += term(static_cast<double>(x[i]));
          partial[static_cast<std::size_t>(b)] = sum;
        }
      },
      /*cost=*/12 * kReduceBlock);
  double total = 0;
  for (const double p : partial) total += p;
  return total;
}

double itself(double v) { return v; }

}  // namespace

void reduce_norm(Cpu, View<float> norm, View<const float> x) {
  norm[0] = static_cast<float>(std::sqrt(sum_of(x, [](double v) { return v * v; })));
}

void reduce_sum(Cpu, View<float> sum, View<const float> x, float factor) {
  sum[0] = static_cast<float>(sum_of(x, itself) * factor);
}

void accumulate_sum(Cpu, View<float> total, View<const float> x, float factor) {
  total[0] += static_cast<float>(sum_of(x, itself) * factor);
}

template <class T>
void column_sum(Cpu, View<float> sums, View<const T> x) {
  const std::int64_t rows = x.rows(), cols = x.cols(), blocks = (rows + kBlockRows - 1) / kBlockRows;
  std::vector<float> partial(static_cast<std::size_t>(blocks * cols));
  parallel_for(
      blocks,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t b = begin; b < end; ++b) {
          float* const at = partial.data() + b * cols;
          for (std::int64_t row = b * kBlockRows; row < std::min(rows, (b + 1) * kBlockRows); ++row)
            for (std::int64_t c = 0; c < cols; ++c) at[c] += static_cast<float>(x[row * cols + c]);
        }
      },
      /*cost=*/kBlockRows * cols);
  for (std::int64_t c = 0; c < cols; ++c) {
    double sum = 0;
    for (std::int64_t b = 0; b < blocks; ++b) sum += partial[static_cast<std::size_t>(b * cols + c)];
    sums[c] = static_cast<float>(sum);
  }
}

template void column_sum(Cpu, View<float>, View<const float>);
template void column_sum(Cpu, View<float>, View<const bfloat16>);

}  // namespace kelvin
