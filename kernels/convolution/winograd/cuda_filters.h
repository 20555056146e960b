// The transforms of filters in Winograd's F(4x4, 3x3) on the GPU (cuda_transforms.h has the formulas), for cuda_convolve.cu. Deterministic.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"

namespace kelvin::winograd {

// to [36, K, C] = the transforms of w [K, 3, 3, C], turned by 180 degrees for a data gradient.
void transform_filters(const Cuda& cuda, float* to, const float* w, std::int64_t filters, std::int64_t channels,
                       bool turned);

// dw [K, 3, 3, C] from its transforms [36, parts, K, C], parts added in order.
void transform_filters_back(const Cuda& cuda, float* dw, const float* from, std::int64_t parts, std::int64_t filters,
                            std::int64_t channels);

}  // namespace kelvin::winograd
