// Images cut into the patches that a convolution's filter sees, on the GPU: with them a convolution of any size and stride is one matrix product
// (im2col; Chellapilla, Puri, Simard 2006, "High Performance Convolutional Neural Networks for Document Processing"). One of convolve.h's algorithms.
//
//   patches [N, P, Q, R, S, C]      the R·S pixels under each output pixel in the filter's order, zeros beyond the image
#pragma once

#include "kernels/convolution/conv_problem.h"
#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

// Whether the patches of a convolution are few enough to be worth their memory: at most four times the image where the stride skips pixels (3x3 with
// stride 2, 1x1 with any stride, the patches of a vision transformer), or no more numbers than outputs (a network's first convolution, whose images
// have few channels). Never for the data gradient in bfloat16 of patches that overlap: its terms would be rounded before they are summed.
[[nodiscard]] bool has_few_patches(const ConvProblem& problem);
[[nodiscard]] std::int64_t patch_elements(const ConvProblem& problem);

// T: float or bfloat16. Deterministic: the gradient is gathered, its up to R·S terms summed in float32 in the filter's order and rounded once.
template <class T>
void gather_patches(const Cuda&, T* patches, const T* x, const ConvProblem& problem);
// Each pixel of dx = the sum of its values in all patches; dx += that where the problem adds.
template <class T>
void sum_patches(const Cuda&, T* dx, const T* patches, const ConvProblem& problem);

}  // namespace kelvin
