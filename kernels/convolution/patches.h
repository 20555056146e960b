// Images cut into the patches that a convolution's filter sees, on the GPU: with them a convolution of any size and stride is one matrix product
// (im2col; Chellapilla, Puri, Simard 2006, "High Performance Convolutional Neural Networks for Document Processing"). One of the ways of convolve.h.
//
//   patches [N, P, Q, R, S, C]      the R·S pixels under each output pixel in the filter's order, zeros beyond the image
#pragma once

#include "kernels/convolution/conv_problem.h"
#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

// Whether a convolution leaves so few patches that they are worth their memory: at most four times the image where it leaves pixels out (3x3 with
// stride 2, 1x1 with any, the patches of a vision transformer), or no more numbers than it has outputs (the first of a network, of few channels). Not the
// data gradient in bfloat16 of patches that overlap, whose terms would be rounded before they are summed.
[[nodiscard]] bool has_few_patches(const ConvProblem& problem);
[[nodiscard]] std::int64_t patch_elements(const ConvProblem& problem);

// T: float or bfloat16. Deterministic: the gradient is gathered, its up to R·S terms summed in float32 in the filter's order and rounded once.
template <class T>
void gather_patches(const Cuda&, T* patches, const T* x, const ConvProblem& problem);
// dx = the sum of the patches' values for each of its pixels, or dx += that where the problem adds.
template <class T>
void sum_patches(const Cuda&, T* dx, const T* patches, const ConvProblem& problem);

}  // namespace kelvin
