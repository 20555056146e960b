// Batch normalisation over the last dimension (Ioffe & Szegedy 2015, 1502.03167), fused with what follows it in a residual
// network: y = relu?( γ (x − mean) / sqrt(var + eps) + β + residual ).
//
//   x, y, residual [rows..., C] of storage type T; everything per channel is float32 [C]. n = rows.
//
// Statistics are over all rows; float32 sums over fixed blocks of rows around a shift, blocks combined in double in a fixed
// order: the same bits for any thread count. Memory traffic: forward reads x twice and writes y; backward reads dy and x
// twice and writes dx. What a ReLU let through is kept as a bit an element (relu_mask.h), so that backward does not read y.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

// mean and rstd = 1/sqrt(var + eps) of the batch, biased variance. Running statistics (both may be empty) move as PyTorch's:
// running = (1 − momentum) running + momentum batch, with the unbiased variance var · n/(n − 1). Throws unless n > 1.
template <class T>
void batch_norm_statistics(Cpu, View<float> mean, View<float> rstd, View<float> running_mean,
                           View<float> running_variance, View<const T> x, float momentum, float eps);
template <class T>
void batch_norm_statistics(const Cuda&, View<float> mean, View<float> rstd, View<float> running_mean,
                           View<float> running_variance, View<const T> x, float momentum, float eps);

// What a channel is normalised with, all [C]: γ (x − mean) rstd + β. The backward pass needs no β.
struct BatchNormFactors {
  View<const float> mean, rstd, gamma, beta;
};

// y = relu?(γ (x − mean) rstd + β + residual); residual may be empty. `mask`, where not empty, becomes the ReLU's: it has
// relu_mask_bytes(y.size()) bytes.
template <class T>
void batch_norm_apply(Cpu, View<T> y, View<std::uint8_t> mask, View<const T> x, const BatchNormFactors& factors,
                      View<const T> residual, bool relu);
template <class T>
void batch_norm_apply(const Cuda&, View<T> y, View<std::uint8_t> mask, View<const T> x, const BatchNormFactors& factors,
                      View<const T> residual, bool relu);

// Where the gradients go. dx and dresidual may be empty when not wanted; dx may be dy. dγ and dβ [C] are overwritten.
template <class T>
struct BatchNormGradients {
  View<T> dx, dresidual;
  View<float> dgamma, dbeta;
};

// Backward through `batch_norm_apply` after `batch_norm_statistics` of the same x. With g = dy where its bit is set in `mask`, else 0
// (empty: there was no ReLU, g = dy):
//   dβ = Σ g,   dγ = Σ g x̂,   dx = γ rstd (g − dβ/n − x̂ dγ/n)  (1502.03167, section 3; batch statistics)
//   dx = γ rstd g                                              (running statistics: is_training = false)
//   dresidual = g
template <class T>
void batch_norm_backward(Cpu, const BatchNormGradients<T>& d, View<const T> dy, View<const std::uint8_t> mask,
                         View<const T> x, const BatchNormFactors& factors, bool is_training);
template <class T>
void batch_norm_backward(const Cuda&, const BatchNormGradients<T>& d, View<const T> dy, View<const std::uint8_t> mask,
                         View<const T> x, const BatchNormFactors& factors, bool is_training);

// dx alone, from sums that are known already: dβ, dγ and n = rows over the images of all ranks (sync_batch_norm.h). g is dy, masked as
// above; dx may be g or dy.
//   dx = γ rstd (g − dβ/n − x̂ dγ/n)
struct BatchNormTotals {
  View<const float> dgamma, dbeta;  // [C]
  View<const float> rows;           // [1]
};
template <class T>
void batch_norm_input_gradient(Cpu, View<T> dx, View<const T> dy, View<const std::uint8_t> mask, View<const T> x,
                               const BatchNormFactors& factors, const BatchNormTotals& totals);
template <class T>
void batch_norm_input_gradient(const Cuda&, View<T> dx, View<const T> dy, View<const std::uint8_t> mask,
                               View<const T> x, const BatchNormFactors& factors, const BatchNormTotals& totals);

}  // namespace kelvin
