// The model's first layer: y = (x − mean) / std per channel, in the model's precision (kernels/layers/input_normalize.h).
#pragma once

#include "engine/tensor.h"

namespace kelvin {

// x float32 [N, H, W, C] in [0, 1]; mean, std float32 [C] -> y of `precision`.
[[nodiscard]] Tensor input_normalize(const Tensor& x, const Tensor& mean, const Tensor& std, DType precision);

}  // namespace kelvin
