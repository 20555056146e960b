// One warp a row up to 1024 columns, one block a row above; a row is read two or three times, from the cache after the first. The
// gradients of γ and β are sums down columns (device/column_reduce.h), a second pass over dy and x.
#include "kernels/layer_norm.h"

#include <cmath>

#include "kernels/device/column_reduce.h"
#include "kernels/device/groups.h"

namespace kelvin {
namespace {

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
    from_float(dx[row * cols + c],
               r * (to_float(g[c]) * gamma[c] - mean_g - (to_float(from[c]) - m) * r * mean_gx));
}

// Σ dy x̂, Σ dy
template <class T>
struct ParameterStep {
  const T *dy, *x;
  const float *mean, *rstd;
  std::int64_t cols;
  template <int N>
  __device__ void add(Pack<N>& first, Pack<N>& second, std::int64_t at, std::int64_t) const {
    const std::int64_t row = at / cols;
    const Pack<N> g = load<N>(dy + at), v = load<N>(x + at);
    for (int k = 0; k < N; ++k) {
      first[k] += g[k] * (v[k] - mean[row]) * rstd[row];
      second[k] += g[k];
    }
  }
};

struct FinishParameters {
  float *dgamma, *dbeta;
  ColumnSums sums;
  template <int N>
  __device__ void run(std::int64_t c) const {
    dgamma[c] = static_cast<float>(sums.total(0, c));
    dbeta[c] = static_cast<float>(sums.total(1, c));
  }
};

}  // namespace

template <class T>
void layer_norm_forward(const Cuda& cuda, View<T> y, View<float> mean, View<float> rstd, View<const T> x,
                        View<const float> gamma, View<const float> beta, float eps) {
  with_row_group(x.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, forward_kernel<Group, T>, x.rows(), y.data, mean.data, rstd.data, x.data, gamma.data,
                       beta.data, x.rows(), x.cols(), eps);
  });
}

template <class T>
void layer_norm_backward(const Cuda& cuda, View<T> dx, View<float> dgamma, View<float> dbeta, View<const T> dy,
                         View<const T> x, View<const float> mean, View<const float> rstd, View<const float> gamma) {
  column_reduce(cuda, x.rows(), x.cols(), can_use_packs(dy, x),
                ParameterStep<T>{dy.data, x.data, mean.data, rstd.data, x.cols()}, [&](const ColumnSums& sums) {
                  launch_elements(cuda, x.cols(), false, FinishParameters{dgamma.data, dbeta.data, sums});
                });
  with_row_group(x.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, backward_kernel<Group, T>, x.rows(), dx.data, dy.data, x.data, mean.data, rstd.data,
                       gamma.data, x.rows(), x.cols());
  });
}

#define KELVIN_INSTANTIATE(T)                                                                                      \
  template void layer_norm_forward(const Cuda&, View<T>, View<float>, View<float>, View<const T>,                  \
                                   View<const float>, View<const float>, float);                                   \
  template void layer_norm_backward(const Cuda&, View<T>, View<float>, View<float>, View<const T>, View<const T>,  \
                                    View<const float>, View<const float>, View<const float>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(bfloat16);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
