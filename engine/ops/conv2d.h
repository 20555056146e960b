// Convolution of images [N, H, W, C] with filters [K, R, S, C] (kernels/convolution/conv2d.h).
#pragma once

#include "engine/tensor.h"
#include "kernels/convolution/conv2d.h"

namespace kelvin {

// y = conv(x, w): x float32 or bfloat16, w float32; y has x's element type. The backward pass adds in place to a gradient of
// x that exists already, and applies the mask of a ReLU that made x (kernels/convolution/conv2d.h says what that costs on a GPU).
[[nodiscard]] Tensor conv2d(const Tensor& x, const Tensor& w, const ConvOptions& options);

// y = relu?(conv(x, w) + bias + residual) in one kernel: a convolution whose normalisation was folded into w and bias.
// w and bias [K] float32 or both of x's element type; residual like y, or empty. Differentiable in x and residual only: folded
// filters are not trained.
[[nodiscard]] Tensor conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual,
                                  bool relu, const ConvOptions& options);

}  // namespace kelvin
