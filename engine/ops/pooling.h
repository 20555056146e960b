// Pooling over the spatial dimensions of [N, H, W, C] (kernels/layers/pooling.h).
#pragma once

#include "engine/tensor.h"
#include "kernels/layers/pooling.h"

namespace kelvin {

[[nodiscard]] Tensor max_pool2d(const Tensor& x, const PoolOptions& options);
[[nodiscard]] Tensor avg_pool2d(const Tensor& x, const PoolOptions& options);
// [N, H, W, C] float32 or bfloat16 -> [N, C] float32
[[nodiscard]] Tensor global_avg_pool(const Tensor& x);

}  // namespace kelvin
