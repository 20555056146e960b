// One warp a row, which it holds in registers up to 1024 columns: forward reads x and writes y, backward reads dy and x and writes dx, once
// each. One block a row above, which reads a row two or three times, from the cache after the first. The gradients of γ and β are sums
// down columns (simt/column_reduce.h), a second pass over dy and x.
#include <cmath>

#include "kernels/layers/layer_norm.h"
#include "kernels/simt/column_reduce.h"
#include "kernels/simt/held_row.h"

namespace kelvin {
namespace {

// Rows of at most 32 · kPerThread columns.
template <int Width, int kPerThread, class T>
__global__ void __launch_bounds__(128)
    held_forward_kernel(T* y, float* mean, float* rstd, const T* x, const float* gamma, const float* beta,
                        std::int64_t rows, std::int64_t cols, float eps) {
  const WarpGroup group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  float held[kPerThread] = {}, sum = 0, squares = 0;
  for_packs<WarpGroup, Width, kPerThread>(cols, group.rank(), [&](int i, int col) {
    const Pack<Width> v = load<Width>(x + row * cols + col);
#pragma unroll
    for (int k = 0; k < Width; ++k) held[i + k] = v[k];
  });
#pragma unroll  // a separate loop, because in one with the reads each read would wait for the sum before; beyond the row values are zero
  for (int i = 0; i < kPerThread; ++i) sum += held[i];
  const float m = group.sum(sum) / static_cast<float>(cols);
  for_packs<WarpGroup, Width, kPerThread>(cols, group.rank(), [&](int i, int) {
#pragma unroll
    for (int k = 0; k < Width; ++k) squares += (held[i + k] - m) * (held[i + k] - m);
  });
  const float r = 1.0f / sqrtf(group.sum(squares) / static_cast<float>(cols) + eps);
  for_packs<WarpGroup, Width, kPerThread>(cols, group.rank(), [&](int i, int col) {
    const Pack<Width> scale = load<Width>(gamma + col), shift = load<Width>(beta + col);
    Pack<Width> out;
#pragma unroll
    for (int k = 0; k < Width; ++k) out[k] = (held[i + k] - m) * r * scale[k] + shift[k];
    store<Width>(y + row * cols + col, out);
  });
  if (group.rank() != 0) return;
  mean[row] = m;
  rstd[row] = r;
}

template <int Width, int kPerThread, class T>
__global__ void __launch_bounds__(128)
    held_backward_kernel(T* dx, const T* dy, const T* x, const float* mean, const float* rstd, const float* gamma,
                         std::int64_t rows, std::int64_t cols) {
  const WarpGroup group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const float m = mean[row], r = rstd[row];
  float scaled[kPerThread], normal[kPerThread], sum_g = 0, sum_gx = 0;  // dy γ, x̂
  for_packs<WarpGroup, Width, kPerThread>(cols, group.rank(), [&](int i, int col) {
    const Pack<Width> g = load<Width>(dy + row * cols + col), v = load<Width>(x + row * cols + col);
    const Pack<Width> scale = load<Width>(gamma + col);
#pragma unroll
    for (int k = 0; k < Width; ++k) {
      scaled[i + k] = g[k] * scale[k];
      normal[i + k] = (v[k] - m) * r;
      sum_g += scaled[i + k];
      sum_gx += scaled[i + k] * normal[i + k];
    }
  });
  const float mean_g = group.sum(sum_g) / static_cast<float>(cols);
  const float mean_gx = group.sum(sum_gx) / static_cast<float>(cols);
  for_packs<WarpGroup, Width, kPerThread>(cols, group.rank(), [&](int i, int col) {
    Pack<Width> out;
#pragma unroll
    for (int k = 0; k < Width; ++k) out[k] = r * (scaled[i + k] - mean_g - normal[i + k] * mean_gx);
    store<Width>(dx + row * cols + col, out);
  });
}

// Calls f(width, elements a thread, both as types) as they suit rows of `cols` elements in registers. Not for rows of more than 1024 columns.
template <class T, class F>
void with_held_row(std::int64_t cols, bool is_aligned, const F& f) {
  const auto with_width = [&](auto width) {
    if (cols <= 256)
      f(width, std::integral_constant<int, 8>{});
    else if (cols <= 512)
      f(width, std::integral_constant<int, 16>{});
    else
      f(width, std::integral_constant<int, 32>{});
  };
  if (is_aligned && cols % pack_of<T> == 0)
    with_width(std::integral_constant<int, pack_of<T>>{});
  else
    with_width(std::integral_constant<int, 1>{});
}
constexpr std::int64_t kMostHeld = 1024;
using LongRow = BlockGroup<512>;

template <class Group, class T>
__global__ void forward_kernel(T* y, float* mean, float* rstd, const T* x, const float* gamma, const float* beta,
                               std::int64_t rows, std::int64_t cols, float eps) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const T* const from = x + row * cols;
  float sum = 0, squares = 0;
  for (std::int64_t c = group.rank(); c < cols; c += Group::kThreads) sum += to_float(from[c]);
  const float m = group.sum(sum) / static_cast<float>(cols);
  for (std::int64_t c = group.rank(); c < cols; c += Group::kThreads) {
    const float d = to_float(from[c]) - m;
    squares += d * d;
  }
  const float r = 1.0f / sqrtf(group.sum(squares) / static_cast<float>(cols) + eps);
  for (std::int64_t c = group.rank(); c < cols; c += Group::kThreads)
    from_float(y[row * cols + c], (to_float(from[c]) - m) * r * gamma[c] + beta[c]);
  if (group.rank() != 0) return;
  mean[row] = m;
  rstd[row] = r;
}

template <class Group, class T>
__global__ void backward_kernel(T* dx, const T* dy, const T* x, const float* mean, const float* rstd,
                                const float* gamma, std::int64_t rows, std::int64_t cols) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const T *g = dy + row * cols, *from = x + row * cols;
  const float m = mean[row], r = rstd[row];
  float sum_g = 0, sum_gx = 0;
  for (std::int64_t c = group.rank(); c < cols; c += Group::kThreads) {
    const float scaled = to_float(g[c]) * gamma[c];
    sum_g += scaled;
    sum_gx += scaled * (to_float(from[c]) - m) * r;
  }
  const float mean_g = group.sum(sum_g) / static_cast<float>(cols);
  const float mean_gx = group.sum(sum_gx) / static_cast<float>(cols);
  for (std::int64_t c = group.rank(); c < cols; c += Group::kThreads)
    from_float(dx[row * cols + c], r * (to_float(g[c]) * gamma[c] - mean_g - (to_float(from[c]) - m) * r * mean_gx));
}

// Σ dy x̂, Σ dy
template <class T>
struct ParameterStep {
  static constexpr int kRowsAtOnce = sizeof(T) == 2 ? 2 : 1;
  const T *dy, *x;
  const float *mean, *rstd;
  template <int N>
  __device__ void add(Pack<N>& first, Pack<N>& second, std::int64_t at, std::int64_t row, std::int64_t) const {
    const Pack<N> g = load<N>(dy + at), v = load<N>(x + at);
    const float m = mean[row], r = rstd[row];
    for (int k = 0; k < N; ++k) {
      first[k] += g[k] * (v[k] - m) * r;
      second[k] += g[k];
    }
  }
};

struct FinishParameters {
  float *dgamma, *dbeta;
  __device__ NoInputs inputs(std::int64_t) const { return {}; }
  __device__ void finish(std::int64_t c, double sum_gx, double sum_g, NoInputs) const {
    dgamma[c] = static_cast<float>(sum_gx);
    dbeta[c] = static_cast<float>(sum_g);
  }
};

}  // namespace

template <class T>
void layer_norm_forward(const Cuda& cuda, View<T> y, View<float> mean, View<float> rstd, View<const T> x,
                        View<const float> gamma, View<const float> beta, float eps) {
  if (x.cols() <= kMostHeld)
    return with_held_row<T>(x.cols(), can_use_packs(y, x, gamma, beta), [&](auto width, auto per_thread) {
      launch_rows<WarpGroup>(cuda, held_forward_kernel<width(), per_thread(), T>, x.rows(), y.data, mean.data,
                             rstd.data, x.data, gamma.data, beta.data, x.rows(), x.cols(), eps);
    });
  launch_rows<LongRow>(cuda, forward_kernel<LongRow, T>, x.rows(), y.data, mean.data, rstd.data, x.data, gamma.data,
                       beta.data, x.rows(), x.cols(), eps);
}

template <class T>
void layer_norm_backward(const Cuda& cuda, View<T> dx, View<float> dgamma, View<float> dbeta, View<const T> dy,
                         View<const T> x, View<const float> mean, View<const float> rstd, View<const float> gamma) {
  if (!dgamma.empty())
    column_reduce(cuda, x.rows(), x.cols(), can_use_packs(dy, x),
                  ParameterStep<T>{dy.data, x.data, mean.data, rstd.data}, FinishParameters{dgamma.data, dbeta.data});
  if (x.cols() <= kMostHeld)
    return with_held_row<T>(x.cols(), can_use_packs(dx, dy, x, gamma), [&](auto width, auto per_thread) {
      launch_rows<WarpGroup>(cuda, held_backward_kernel<width(), per_thread(), T>, x.rows(), dx.data, dy.data, x.data,
                             mean.data, rstd.data, gamma.data, x.rows(), x.cols());
    });
  launch_rows<LongRow>(cuda, backward_kernel<LongRow, T>, x.rows(), dx.data, dy.data, x.data, mean.data, rstd.data,
                       gamma.data, x.rows(), x.cols());
}

#define KELVIN_INSTANTIATE(T)                                                                                        \
  template void layer_norm_forward(const Cuda&, View<T>, View<float>, View<float>, View<const T>, View<const float>, \
                                   View<const float>, float);                                                        \
  template void layer_norm_backward(const Cuda&, View<T>, View<float>, View<float>, View<const T>, View<const T>,    \
                                    View<const float>, View<const float>, View<const float>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(bfloat16);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
