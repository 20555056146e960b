// What follows a convolution in a residual network, y = relu?(y + residual + bias), as a separate pass over its result on the GPU.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

// y, residual [rows..., K], bias [K]; residual and bias may be empty. T: float or bfloat16; one rounding.
template <class T>
void add_conv_epilogue(const Cuda&, View<T> y, View<const T> residual, View<const T> bias, bool relu);

}  // namespace kelvin
