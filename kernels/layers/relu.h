// Rectified linear unit: y = max(x, 0), NaN where x is NaN, as in PyTorch, so that a training that has diverged shows it. Its derivative is
// taken from the output: dx = dy where y > 0, otherwise 0. T: float or bfloat16. y may be x, dx may be dy.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

template <class T>
void relu_forward(Cpu, View<T> y, View<const T> x);
template <class T>
void relu_forward(const Cuda&, View<T> y, View<const T> x);

template <class T>
void relu_backward(Cpu, View<T> dx, View<const T> dy, View<const T> y);
template <class T>
void relu_backward(const Cuda&, View<T> dx, View<const T> dy, View<const T> y);

}  // namespace kelvin
