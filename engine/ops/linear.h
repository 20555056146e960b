// Linear layer: y = x·Wᵀ + b, as in every framework.
#pragma once

#include "engine/tensor.h"

namespace kelvin {

// x [..., d] float32 or bfloat16, w [K, d] float32, b [K] float32 or empty -> y [..., K] like x. With bfloat16 activations the
// product takes w rounded to bfloat16 and accumulates in float32; the gradients of w and b stay float32.
[[nodiscard]] Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b);

}  // namespace kelvin
