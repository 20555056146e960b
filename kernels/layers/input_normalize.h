// The model's first layer: y[n, h, w, c] = (x[n, h, w, c] − mean[c]) / std[c], from float32 pixels in [0, 1] to the model's
// storage type. Backward: dx = dy / std[c], float32.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

template <class T>
void input_normalize_forward(Cpu, View<T> y, View<const float> x, View<const float> mean, View<const float> std);
template <class T>
void input_normalize_forward(const Cuda&, View<T> y, View<const float> x, View<const float> mean,
                             View<const float> std);

template <class T>
void input_normalize_backward(Cpu, View<float> dx, View<const T> dy, View<const float> std);
template <class T>
void input_normalize_backward(const Cuda&, View<float> dx, View<const T> dy, View<const float> std);

}  // namespace kelvin
