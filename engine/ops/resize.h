// Images to another size, bilinear as PyTorch's interpolate(align_corners=False, antialias=False): kernels/layers/resize.h.
#pragma once

#include "engine/tensor.h"

namespace kelvin {

// x: float32 [N, H, W, C] -> float32 [N, height, width, C]; x itself where the size is right already.
[[nodiscard]] Tensor resize_bilinear(const Tensor& x, std::int64_t height, std::int64_t width);

}  // namespace kelvin
