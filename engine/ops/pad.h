// Images with a row of zeros below and a column at the right (kernels/layers/pad.h).
#pragma once

#include "engine/tensor.h"

namespace kelvin {

// [N, H, W, C] float32 or bfloat16 -> [N, H + 1, W + 1, C]
[[nodiscard]] Tensor pad_end(const Tensor& x);

}  // namespace kelvin
