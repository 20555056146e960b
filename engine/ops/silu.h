// The activation of wide residual networks of Gowal et al. (kernels/layers/silu.h); float32 or bfloat16.
#pragma once

#include "engine/tensor.h"

namespace kelvin {

[[nodiscard]] Tensor silu(const Tensor& x);

}  // namespace kelvin
