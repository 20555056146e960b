// BatchNorm with fixed statistics (batch_norm.h) as part of the convolution before it. Everything is float32.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

// The convolution that equals conv followed by normalisation with fixed statistics:
//   w_folded[k, ...] = w[k, ...] γ[k] rstd[k],   bias[k] = β[k] − mean[k] γ[k] rstd[k],   rstd = 1/sqrt(variance + eps)
void fold_batch_norm(Cpu, View<float> w_folded, View<float> bias, View<const float> w, View<const float> gamma,
                     View<const float> beta, View<const float> mean, View<const float> variance, float eps);
void fold_batch_norm(const Cuda&, View<float> w_folded, View<float> bias, View<const float> w, View<const float> gamma,
                     View<const float> beta, View<const float> mean, View<const float> variance, float eps);

// rstd = 1/sqrt(variance + eps)
void reciprocal_stddev(Cpu, View<float> rstd, View<const float> variance, float eps);
void reciprocal_stddev(const Cuda&, View<float> rstd, View<const float> variance, float eps);

}  // namespace kelvin
