// Elementwise, once for each weight or channel.
#include "kernels/layers/fold_batch_norm.h"
#include "kernels/simt/launch.h"

namespace kelvin {
namespace {

struct FoldScale {
  float* w_folded;
  const float *w, *gamma, *variance;
  std::int64_t per_filter;
  float eps;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const std::int64_t k = i / per_filter;
    w_folded[i] = w[i] * (gamma[k] / sqrtf(variance[k] + eps));
  }
};

struct FoldBias {
  float* bias;
  const float *gamma, *beta, *mean, *variance;
  float eps;
  template <int N>
  __device__ void run(std::int64_t k) const {
    bias[k] = beta[k] - mean[k] * (gamma[k] / sqrtf(variance[k] + eps));
  }
};

struct ReciprocalStddev {
  float* rstd;
  const float* variance;
  float eps;
  template <int N>
  __device__ void run(std::int64_t c) const {
    rstd[c] = 1.0f / sqrtf(variance[c] + eps);
  }
};

}  // namespace

void fold_batch_norm(const Cuda& cuda, View<float> w_folded, View<float> bias, View<const float> w,
                     View<const float> gamma, View<const float> beta, View<const float> mean,
                     View<const float> variance, float eps) {
  launch_elements(cuda, w.size(), false,
                  FoldScale{w_folded.data, w.data, gamma.data, variance.data, w.size() / gamma.size(), eps});
  launch_elements(cuda, gamma.size(), false, FoldBias{bias.data, gamma.data, beta.data, mean.data, variance.data, eps});
}

void reciprocal_stddev(const Cuda& cuda, View<float> rstd, View<const float> variance, float eps) {
  launch_elements(cuda, rstd.size(), false, ReciprocalStddev{rstd.data, variance.data, eps});
}

}  // namespace kelvin
