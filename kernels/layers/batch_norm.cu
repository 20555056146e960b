// Statistics: one pass over x (simt/column_reduce.h, from the last row to the first), then one thread a channel. Normalisation and its backward are
// elementwise passes with per-channel factors (simt/channels.h): forward reads x twice and writes y; backward reads dy and x twice, a bit
// an element of what the ReLU let through, and writes dx. The same formulas as batch_norm.cpp, where they are explained.
#include <cmath>

#include "kernels/device/with_flag.h"
#include "kernels/layers/batch_norm.h"
#include "kernels/layers/batch_norm_gradient.h"
#include "kernels/layers/relu_mask.h"
#include "kernels/simt/channels.h"
#include "kernels/simt/column_reduce.h"
#include "kernels/simt/mask_bits.h"

namespace kelvin {
namespace {

// Σ (x − shift), Σ (x − shift)², shift = the first row
template <class T>
struct MomentStep {
  static constexpr int kRowsAtOnce = sizeof(T) == 2 ? 4 : 2;
  const T* x;
  template <int N>
  __device__ void add(Pack<N>& first, Pack<N>& second, std::int64_t at, std::int64_t, std::int64_t col) const {
    const Pack<N> v = load<N>(x + at), shift = load<N>(x + col);
    for (int k = 0; k < N; ++k) {
      const float d = v[k] - shift[k];
      first[k] += d;
      second[k] += d * d;
    }
  }
};

// Without divisions: one division of doubles takes longer than all threads' reads.
template <class T>
struct FinishMoments {
  float *mean, *rstd, *running_mean, *running_variance;  // running_*: may be null
  const T* x;
  double inverse_n, inverse_n_less_one;  // 1/n, 1/(n − 1)
  float momentum, eps;
  struct Inputs {
    float shift, running_mean, running_variance;
  };
  __device__ Inputs inputs(std::int64_t c) const {
    if (running_mean == nullptr) return {to_float(x[c]), 0, 0};
    return {to_float(x[c]), running_mean[c], running_variance[c]};
  }
  __device__ void finish(std::int64_t c, double sum, double squares, const Inputs& in) const {
    const double mean_of_shifted = sum * inverse_n;
    const double deviations = squares - sum * mean_of_shifted;  // Σ (x − mean)²
    const double positive = deviations > 0 ? deviations : 0;
    const auto new_mean = static_cast<float>(in.shift + mean_of_shifted);
    mean[c] = new_mean;
    rstd[c] = 1.0f / sqrtf(static_cast<float>(positive * inverse_n + eps));
    if (running_mean == nullptr) return;
    running_mean[c] = in.running_mean + momentum * (new_mean - in.running_mean);
    running_variance[c] =
        in.running_variance + momentum * (static_cast<float>(positive * inverse_n_less_one) - in.running_variance);
  }
};

enum class ReluKind { none, plain, with_mask };

// y = relu?(x factor + offset + residual)
template <class T, bool kResidual, ReluKind kRelu>
struct Apply {
  static constexpr int kPack = pack_of<T>;
  T* y;
  std::uint8_t* mask;
  const T *x, *residual;
  const float *mean, *rstd, *gamma, *beta;  // [C]
  template <int N>
  struct Factors {
    Pack<N> factor, offset;
  };
  template <int N>
  struct Elements {
    Pack<N> x, residual;
  };
  template <int N>
  __device__ Factors<N> factors(std::int64_t c) const {
    const Pack<N> m = load<N>(mean + c), r = load<N>(rstd + c), g = load<N>(gamma + c), b = load<N>(beta + c);
    Factors<N> f;
    for (int k = 0; k < N; ++k) {
      f.factor[k] = g[k] * r[k];
      f.offset[k] = b[k] - m[k] * f.factor[k];
    }
    return f;
  }
  template <int N>
  __device__ Elements<N> read(std::int64_t i) const {
    Elements<N> e;
    e.x = load<N>(x + i);
    if constexpr (kResidual) e.residual = load<N>(residual + i);
    return e;
  }
  template <int N>
  __device__ void write(std::int64_t i, const Elements<N>& e, const Factors<N>& f) const {
    Pack<N> v;
    for (int k = 0; k < N; ++k) v[k] = e.x[k] * f.factor[k] + f.offset[k];
    if constexpr (kResidual)
      for (int k = 0; k < N; ++k) v[k] += e.residual[k];
    if constexpr (kRelu == ReluKind::with_mask && N > 1) store_bits<N>(mask, i, positive_bits(v));
    if constexpr (kRelu != ReluKind::none)
      for (int k = 0; k < N; ++k) v[k] = v[k] <= 0.0f ? 0.0f : v[k];
    store<N>(y + i, v);
  }
};

// Σ g, Σ g (x − mean); stores g into dresidual when that is wanted, and so needs a separate `read`.
template <class T, bool kRelu, bool kStore>
struct GradientStep {
  static constexpr int kRowsAtOnce = sizeof(T) == 2 ? 2 : 1;
  const T *dy, *x;
  const std::uint8_t* mask;
  T* dresidual;
  const float* mean;
  template <int N>
  __device__ Pack<N> shared(std::int64_t col) const {
    return load<N>(mean + col);
  }
  template <int N>
  __device__ GradientElements<N> read(std::int64_t at) const {
    return read_gradient<N, kRelu>(dy, mask, x, at);
  }
  template <int N>
  __device__ void add(Pack<N>& first, Pack<N>& second, const GradientElements<N>& e, const Pack<N>& m,
                      std::int64_t at) const {
    const Pack<N> g = masked<N, kRelu>(e);
    if constexpr (kStore) store<N>(dresidual + at, g);
    for (int k = 0; k < N; ++k) {
      first[k] += g[k];
      second[k] += g[k] * (e.x[k] - m[k]);
    }
  }
};

struct FinishGradients {
  float *dgamma, *dbeta;
  const float *mean, *rstd, *gamma;
  InputFactors factors;
  double inverse_n;  // 1/n
  bool is_training;
  struct Inputs {
    float mean, rstd, gamma;
  };
  __device__ Inputs inputs(std::int64_t c) const { return {mean[c], rstd[c], gamma[c]}; }
  __device__ void finish(std::int64_t c, double sum_g, double sum_gx, const Inputs& in) const {
    dbeta[c] = static_cast<float>(sum_g);
    dgamma[c] = static_cast<float>(sum_gx * in.rstd);
    const double slope = static_cast<double>(in.gamma) * in.rstd;
    const double pull = is_training ? -slope * in.rstd * in.rstd * sum_gx * inverse_n : 0.0;
    factors.a[c] = static_cast<float>(slope);
    factors.b[c] = static_cast<float>(pull);
    factors.c[c] = is_training ? static_cast<float>(-slope * sum_g * inverse_n - pull * in.mean) : 0.0f;
  }
};

}  // namespace

template <class T>
void batch_norm_statistics(const Cuda& cuda, View<float> mean, View<float> rstd, View<float> running_mean,
                           View<float> running_variance, View<const T> x, float momentum, float eps) {
  const std::int64_t rows = x.rows(), channels = x.cols();
  KELVIN_CHECK(rows > 1, "batch statistics of ", rows, " row");
  column_reduce(cuda, rows, channels, can_use_packs(x), MomentStep<T>{x.data},
                FinishMoments<T>{mean.data, rstd.data, running_mean.data, running_variance.data, x.data,
                                 1.0 / static_cast<double>(rows), 1.0 / static_cast<double>(rows - 1), momentum, eps});
}

template <class T>
void batch_norm_apply(const Cuda& cuda, View<T> y, View<std::uint8_t> mask, View<const T> x,
                      const BatchNormFactors& factors, View<const T> residual, bool relu) {
  KELVIN_CHECK(mask.empty() || (relu && mask.size() == relu_mask_bytes(y.size())), "a mask of ", mask.size(), " bytes");
  const std::int64_t channels = x.cols();
  const bool in_packs = can_use_packs(y, x, residual, factors.mean, factors.rstd, factors.gamma, factors.beta);
  const bool writes_bits =
      !mask.empty() && in_packs && channels % kElementsPerThread == 0;  // whole bytes, by whole warps
  with_flag(!residual.empty(), [&](auto has_residual) {
    const auto apply = [&]<ReluKind kRelu>(std::integral_constant<ReluKind, kRelu>) {
      launch_channels(cuda, x.rows(), channels, in_packs,
                      Apply<T, has_residual, kRelu>{y.data, mask.data, x.data, residual.data, factors.mean.data,
                                                    factors.rstd.data, factors.gamma.data, factors.beta.data});
    };
    if (!relu)
      apply(std::integral_constant<ReluKind, ReluKind::none>{});
    else if (!writes_bits)
      apply(std::integral_constant<ReluKind, ReluKind::plain>{});
    else
      apply(std::integral_constant<ReluKind, ReluKind::with_mask>{});
  });
  if (!mask.empty() && !writes_bits) relu_mask<T>(cuda, mask, {y.data, y.shape});
}

template <class T>
void batch_norm_backward(const Cuda& cuda, const BatchNormGradients<T>& d, View<const T> dy,
                         View<const std::uint8_t> mask, View<const T> x, const BatchNormFactors& of, bool is_training) {
  const std::int64_t rows = x.rows(), channels = x.cols();
  const bool in_packs = can_use_packs(d.dx, d.dresidual, dy, x, of.mean);
  // [3, C], each row aligned for packs
  const std::int64_t stride = (channels + kElementsPerThread - 1) / kElementsPerThread * kElementsPerThread;
  const CudaBlock block(cuda, static_cast<std::size_t>(3 * stride) * sizeof(float));
  auto* const start = block.as<float>();
  const InputFactors factors = {start, start + stride, start + 2 * stride};
  with_flag(!mask.empty(), [&](auto has_relu) {
    with_flag(!d.dresidual.empty(), [&](auto stores) {
      column_reduce(cuda, rows, channels, in_packs,
                    GradientStep<T, has_relu, stores>{dy.data, x.data, mask.data, d.dresidual.data, of.mean.data},
                    FinishGradients{d.dgamma.data, d.dbeta.data, of.mean.data, of.rstd.data, of.gamma.data, factors,
                                    1.0 / static_cast<double>(rows), is_training});
    });
  });
  if (d.dx.empty()) return;
  const bool is_masked = !d.dresidual.empty();  // the first pass has already stored g
  const T* const g = is_masked ? d.dresidual.data : dy.data;
  with_flag(!mask.empty() && !is_masked, [&](auto has_relu) {
    launch_channels(cuda, rows, channels, in_packs,
                    InputGradient<T, has_relu>{d.dx.data, g, x.data, mask.data, factors});
  });
}

#define KELVIN_INSTANTIATE(T)                                                                                         \
  template void batch_norm_statistics(const Cuda&, View<float>, View<float>, View<float>, View<float>, View<const T>, \
                                      float, float);                                                                  \
  template void batch_norm_apply(const Cuda&, View<T>, View<std::uint8_t>, View<const T>, const BatchNormFactors&,    \
                                 View<const T>, bool);                                                                \
  template void batch_norm_backward(const Cuda&, const BatchNormGradients<T>&, View<const T>,                         \
                                    View<const std::uint8_t>, View<const T>, const BatchNormFactors&, bool)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(bfloat16);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
