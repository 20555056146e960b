// The two ends of a vision transformer (kernels/layers/tokens.h).
#pragma once

#include "engine/tensor.h"

namespace kelvin {

// patches [B, P, C], float32 or bfloat16; bias, class_token [C], positions [P+1, C] (float32, leading dimensions of 1 allowed)
// -> tokens [B, P+1, C]: the class token first, then the patches plus bias, each plus its position.
[[nodiscard]] Tensor embed_tokens(const Tensor& patches, const Tensor& bias, const Tensor& class_token,
                                  const Tensor& positions);

// tokens [B, T, C] -> its first token, [B, C] float32
[[nodiscard]] Tensor class_token_of(const Tensor& tokens);

}  // namespace kelvin
