#include "kernels/layers/normalize_rows.h"

#include <algorithm>
#include <cmath>

#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

double inner(const float* a, const float* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace

void normalize_rows_forward(Cpu, View<float> y, View<float> norm, View<const float> x, float scale) {
  const std::int64_t cols = x.cols();
  for_each_row(x.rows(), 8 * cols, [&](std::int64_t row) {
    const float* const from = x.data + row * cols;
    norm[row] = static_cast<float>(std::sqrt(inner(from, from, cols)));
    const float factor = scale / std::max(norm[row], kSmallestNorm);
    for (std::int64_t c = 0; c < cols; ++c) y[row * cols + c] = factor * from[c];
  });
}

void normalize_rows_backward(Cpu, View<float> dx, View<const float> dy, View<const float> x, View<const float> norm,
                             float scale) {
  const std::int64_t cols = x.cols();
  for_each_row(x.rows(), 8 * cols, [&](std::int64_t row) {
    const float *from = x.data + row * cols, *g = dy.data + row * cols;
    const float length = std::max(norm[row], kSmallestNorm), factor = scale / length;
    const bool is_guarded = norm[row] < kSmallestNorm;  // the length is a constant there
    const float along = is_guarded ? 0.0f : static_cast<float>(inner(from, g, cols) / length / length);
    for (std::int64_t c = 0; c < cols; ++c) dx[row * cols + c] = factor * (g[c] - from[c] * along);
  });
}

}  // namespace kelvin
