// Self-attention of all heads as one op (kernels/attention/attention.h).
#pragma once

#include "engine/tensor.h"

namespace kelvin {

// qkv [B, T, 3, H, D], float32 or bfloat16 -> y [B, T, H·D], like qkv. Keeps y and one float a query and head for the backward pass,
// never the attention matrix.
[[nodiscard]] Tensor attention(const Tensor& qkv);

}  // namespace kelvin
