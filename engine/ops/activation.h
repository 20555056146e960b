// ReLU, exact GELU and addition of equal shapes; float32 or bfloat16.
#pragma once

#include "engine/tensor.h"

namespace kelvin {

[[nodiscard]] Tensor relu(const Tensor& x);
[[nodiscard]] Tensor gelu(const Tensor& x);
[[nodiscard]] Tensor add(const Tensor& a, const Tensor& b);

}  // namespace kelvin
