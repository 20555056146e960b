// 3x3 convolutions of float32 with stride 1 and padding 1 on the GPU by Winograd's minimal filtering F(4x4, 3x3): a quarter of the direct sum's
// multiplications, which are slow in float32. One of the algorithms of kernels/convolution/convolve.h.
#pragma once

#include "kernels/convolution/conv_problem.h"
#include "kernels/device/device.h"

namespace kelvin::winograd {

// Whether a problem is such a convolution and has so many channels that arithmetic, not memory, limits its products. Never with KELVIN_WINOGRAD=0.
[[nodiscard]] bool is_fit(const ConvProblem& problem);
// Bytes of the transformed tiles of both images. A problem that needs more than kMostScratch should be computed in parts.
[[nodiscard]] std::int64_t scratch_bytes(const ConvProblem& problem);
inline constexpr std::int64_t kMostScratch = std::int64_t{1} << 30;

// The whole problem: bias, residual, ReLU and sum are applied as the result is stored. Any number of images and channels; tiles that reach over
// the edge are cut. The transformed filters need memory besides `scratch_bytes`: four times the filter's size, up to eight times that for a filter
// gradient. Products are those of cuda_matmul.h, without TF32. Deterministic; errors are about twice as large as the direct sum's
// (cuda_transforms.h).
void cuda_convolve(const Cuda&, const ConvProblem& problem, const ConvTensors& tensors);

}  // namespace kelvin::winograd
