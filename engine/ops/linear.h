// Linear layer: y = x·Wᵀ + b, as in every framework.
#pragma once

#include "engine/tensor.h"

namespace kelvin {

// x [N, d] and w [K, d] float32, b [K] float32 or empty -> y [N, K] float32.
[[nodiscard]] Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b);

}  // namespace kelvin
