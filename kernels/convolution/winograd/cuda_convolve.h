// 3x3 convolutions of float32 with stride 1 and padding 1 on the GPU by Winograd's minimal filtering F(4x4, 3x3): a quarter of the direct sum's
// products, which are dear in float32. One of the algorithms of kernels/convolution/convolve.h.
#pragma once

#include "kernels/convolution/conv_problem.h"
#include "kernels/device/device.h"

namespace kelvin::winograd {

// Whether a problem is such a convolution and has so many channels that its products wait for arithmetic; never with KELVIN_WINOGRAD=0.
[[nodiscard]] bool is_fit(const ConvProblem& problem);
// Bytes of the transformed tiles of both images. A problem that needs more than the most is better computed in parts.
[[nodiscard]] std::int64_t scratch_bytes(const ConvProblem& problem);
inline constexpr std::int64_t kMostScratch = std::int64_t{1} << 30;

// All that the problem asks for, its bias, residual, ReLU and sum included, which are applied as the result is stored. Any number of images and
// channels; tiles that hang over the edge are cut. The transformed filters come on top of `scratch_bytes`, four times the filter's size; for a
// filter gradient up to eight times that. Products are those of cuda_matmul.h, without TF32. Deterministic; errors are about twice as large as the
// direct sum's (cuda_transforms.h).
void cuda_convolve(const Cuda&, const ConvProblem& problem, const ConvTensors& tensors);

}  // namespace kelvin::winograd
