// 3x3 convolutions of float32 with stride 1 and padding 1 on the GPU by Winograd's minimal filtering F(4x4, 3x3): a quarter of the direct sum's
// products, which are dear in float32. One of the ways of kernels/convolution/convolve.h.
#pragma once

#include <vector>

#include "kernels/convolution/conv_problem.h"
#include "kernels/device/device.h"

namespace kelvin::winograd {

// The values of `most_scratch` that are worth trying: all images at once, and strips that stay in the second-level cache. None where a problem is
// not such a convolution or has so few channels that a product would read and write more than it multiplies; none with KELVIN_WINOGRAD=0.
[[nodiscard]] std::vector<std::int64_t> cuda_strips(const ConvProblem& problem);

// All that the problem asks for, its bias, residual, ReLU, sum and mask included, which are applied as the result is stored. Any number of images and
// channels; tiles that hang over the edge are cut. Images are treated in strips whose transformed tiles fill at most `most_scratch` bytes (one image
// at the least): in a small strip they stay in the second-level cache between the kernels. The transformed filters come on top, four times
// the filter's size; for a filter gradient up to eight times that. Products are those of cuda_matmul.h, without TF32. Deterministic for a given
// `most_scratch`; errors are about twice as large as the direct sum's (cuda_transforms.h).
void cuda_convolve(const Cuda&, const ConvProblem& problem, const ConvTensors& tensors, std::int64_t most_scratch);

}  // namespace kelvin::winograd
