// ReLU, exact GELU and addition of equal shapes; float32 or bfloat16.
#pragma once

#include "engine/tensor.h"

namespace kelvin {

[[nodiscard]] Tensor relu(const Tensor& x);
// dy·1[y > 0], the gradient of ReLU with output y; in the memory of dy if that has no other owner. Not differentiable.
[[nodiscard]] Tensor relu_gradient(const Tensor& dy, const Tensor& y);
[[nodiscard]] Tensor gelu(const Tensor& x);
[[nodiscard]] Tensor add(const Tensor& a, const Tensor& b);

}  // namespace kelvin
