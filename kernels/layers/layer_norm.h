// Layer normalisation over the last dimension (Ba, Kiros & Hinton 2016, 1607.06450): y = γ x̂ + β, x̂ = (x − mean) / sqrt(var + eps),
// mean and biased variance of each row.
//
//   x, y [rows..., C] of storage type T (float or bfloat16); γ, β, their gradients [C] and mean, rstd [rows] float32
//
// Backward, with g = γ dy:  dx = rstd (g − mean_C(g) − x̂ mean_C(g x̂)),  dγ = Σ_rows dy x̂,  dβ = Σ_rows dy.
// The variance is a second pass over the row around its mean. Sums over rows are combined in a fixed order: deterministic, the same
// bits for any thread count. Gradients are overwritten; dγ and dβ may both be empty, and then cost nothing.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

template <class T>
void layer_norm_forward(Cpu, View<T> y, View<float> mean, View<float> rstd, View<const T> x, View<const float> gamma,
                        View<const float> beta, float eps);
template <class T>
void layer_norm_forward(const Cuda&, View<T> y, View<float> mean, View<float> rstd, View<const T> x,
                        View<const float> gamma, View<const float> beta, float eps);

template <class T>
void layer_norm_backward(Cpu, View<T> dx, View<float> dgamma, View<float> dbeta, View<const T> dy, View<const T> x,
                         View<const float> mean, View<const float> rstd, View<const float> gamma);
template <class T>
void layer_norm_backward(const Cuda&, View<T> dx, View<float> dgamma, View<float> dbeta, View<const T> dy,
                         View<const T> x, View<const float> mean, View<const float> rstd, View<const float> gamma);

}  // namespace kelvin
