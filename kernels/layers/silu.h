// Sigmoid linear unit, also called swish (Ramachandran et al. 2017, 1710.05941): y = x σ(x), σ(x) = 1 / (1 + e^−x).
// dx = dy σ(x) (1 + x (1 − σ(x))). T: float or bfloat16, arithmetic in float32. y may be x, dx may be dy.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

template <class T>
void silu_forward(Cpu, View<T> y, View<const T> x);
template <class T>
void silu_forward(const Cuda&, View<T> y, View<const T> x);

template <class T>
void silu_backward(Cpu, View<T> dx, View<const T> dy, View<const T> x);
template <class T>
void silu_backward(const Cuda&, View<T> dx, View<const T> dy, View<const T> x);

}  // namespace kelvin
