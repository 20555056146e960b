// Gaussian error linear unit (Hendrycks & Gimpel 2016, 1606.08415), the exact one: y = x Φ(x), Φ(x) = (1 + erf(x / √2)) / 2.
// dx = dy (Φ(x) + x φ(x)), φ the standard normal density. T: float or bfloat16, arithmetic in float32. y may be x, dx may be dy.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

template <class T>
void gelu_forward(Cpu, View<T> y, View<const T> x);
template <class T>
void gelu_forward(const Cuda&, View<T> y, View<const T> x);

template <class T>
void gelu_backward(Cpu, View<T> dx, View<const T> dy, View<const T> x);
template <class T>
void gelu_backward(const Cuda&, View<T> dx, View<const T> dy, View<const T> x);

}  // namespace kelvin
