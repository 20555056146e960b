// A row of zeros below an image and a column at its right: what TensorFlow's padding SAME adds in front of a 3x3 convolution with stride 2
// whose image has even sides.
//
//   x [N, H, W, C], y [N, H + 1, W + 1, C];  y[n, h, w] = x[n, h, w] for h < H and w < W, else 0
//   dx = dy without its last row and column
//
// T: float or bfloat16. Outputs must not overlap inputs.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

template <class T>
void pad_end_forward(Cpu, View<T> y, View<const T> x);
template <class T>
void pad_end_forward(const Cuda&, View<T> y, View<const T> x);

template <class T>
void pad_end_backward(Cpu, View<T> dx, View<const T> dy);
template <class T>
void pad_end_backward(const Cuda&, View<T> dx, View<const T> dy);

}  // namespace kelvin
