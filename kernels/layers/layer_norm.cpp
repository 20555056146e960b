#include "kernels/layers/layer_norm.h"

#include <cmath>
#include <vector>

#include "kernels/device/parallel.h"
#include "kernels/device/vector_math.h"

namespace kelvin {
namespace {

constexpr std::int64_t kGradientRows = 64;  // rows a partial sum of dγ and dβ covers

}  // namespace

template <class T>
void layer_norm_forward(Cpu, View<T> y, View<float> mean, View<float> rstd, View<const T> x, View<const float> gamma,
                        View<const float> beta, float eps) {
  const std::int64_t cols = x.cols();
  for_each_row(x.rows(), 4 * cols, [&](std::int64_t row) {
    const T* const from = x.data + row * cols;
    T* const to = y.data + row * cols;
    const auto width = static_cast<float>(cols);
    const float m = vector_sum(cols, [=](std::int64_t c) { return static_cast<float>(from[c]); }) / width;
    const float squares = vector_sum(cols, [=](std::int64_t c) {
      const float d = static_cast<float>(from[c]) - m;
      return d * d;
    });
    const float r = 1 / std::sqrt(squares / width + eps);
    for (std::int64_t c = 0; c < cols; ++c) to[c] = T((static_cast<float>(from[c]) - m) * r * gamma[c] + beta[c]);
    mean[row] = m;
    rstd[row] = r;
  });
}

template <class T>
void layer_norm_backward(Cpu, View<T> dx, View<float> dgamma, View<float> dbeta, View<const T> dy, View<const T> x,
                         View<const float> mean, View<const float> rstd, View<const float> gamma) {
  const std::int64_t rows = x.rows(), cols = x.cols(), blocks = (rows + kGradientRows - 1) / kGradientRows;
  const bool has_parameters = !dgamma.empty();
  std::vector<float> partial(has_parameters ? static_cast<std::size_t>(2 * blocks * cols) : 0);
  const auto one_row = [&](std::int64_t row, float* sums) {
    const T *g = dy.data + row * cols, *from = x.data + row * cols;
    const float m = mean[row], r = rstd[row];
    const auto width = static_cast<float>(cols);
    if (has_parameters)
      for (std::int64_t c = 0; c < cols; ++c) {
        const auto cotangent = static_cast<float>(g[c]);
        sums[c] += cotangent * (static_cast<float>(from[c]) - m) * r;
        sums[cols + c] += cotangent;
      }
    const float* const scale = gamma.data;
    const float mean_g = vector_sum(cols, [=](std::int64_t c) { return static_cast<float>(g[c]) * scale[c]; }) / width;
    const float mean_gx =
        vector_sum(cols,
                   [=](std::int64_t c) {
                     return static_cast<float>(g[c]) * scale[c] * (static_cast<float>(from[c]) - m) * r;
                   }) /
        width;
    for (std::int64_t c = 0; c < cols; ++c) {
      const float normal = (static_cast<float>(from[c]) - m) * r;
      dx[row * cols + c] = T(r * (static_cast<float>(g[c]) * gamma[c] - mean_g - normal * mean_gx));
    }
  };
  parallel_for(
      blocks,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t b = begin; b < end; ++b) {
          float* const sums = has_parameters ? partial.data() + 2 * b * cols : nullptr;
          for (std::int64_t row = b * kGradientRows; row < std::min(rows, (b + 1) * kGradientRows); ++row)
            one_row(row, sums);
        }
      },
      /*cost=*/4 * kGradientRows * cols);
  if (!has_parameters) return;
  for (std::int64_t c = 0; c < cols; ++c) {
    double dgamma_sum = 0, dbeta_sum = 0;
    for (std::int64_t b = 0; b < blocks; ++b) {
      dgamma_sum += partial[static_cast<std::size_t>(2 * b * cols + c)];
      dbeta_sum += partial[static_cast<std::size_t>((2 * b + 1) * cols + c)];
    }
    dgamma[c] = static_cast<float>(dgamma_sum);
    dbeta[c] = static_cast<float>(dbeta_sum);
  }
}

#define KELVIN_INSTANTIATE(T)                                                                                \
  template void layer_norm_forward(Cpu, View<T>, View<float>, View<float>, View<const T>, View<const float>, \
                                   View<const float>, float);                                                \
  template void layer_norm_backward(Cpu, View<T>, View<float>, View<float>, View<const T>, View<const T>,    \
                                    View<const float>, View<const float>, View<const float>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(bfloat16);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
