// Layer normalisation over the last dimension (kernels/layers/layer_norm.h).
#pragma once

#include "engine/tensor.h"

namespace kelvin {

// x [rows..., C], float32 or bfloat16; gamma, beta [C] float32.
[[nodiscard]] Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, float eps);

}  // namespace kelvin
