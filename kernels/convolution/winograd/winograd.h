// 3x3 convolutions of bfloat16 with stride 1 and padding 1 by Winograd's minimal filtering F(2x2, 3x3): 2.25 times fewer
// products than the direct sum. Used by kernels/convolution/conv2d.cpp only; arguments are conv2d.h's.
//
// Tiles of images and filters are transformed in float32 and rounded once to bfloat16; products are summed in float32; y and dx are
// rounded once. Same bits for any number of threads, in all three directions. Needs AVX512_BF16 and multiples of 32 channels.
#pragma once

#include "kernels/convolution/conv2d.h"

namespace kelvin::winograd {

// Whether this build and this CPU have the functions below, and the shape allows them.
[[nodiscard]] bool can_run(const Shape& x, const Shape& w, const ConvOptions& options);

void forward(View<bfloat16> y, View<const bfloat16> x, View<const float> w, const ConvEpilogue<bfloat16>& epilogue);
void backward_data(View<bfloat16> dx, View<const bfloat16> dy, View<const float> w);
void backward_filter(View<float> dw, View<const bfloat16> x, View<const bfloat16> dy);

}  // namespace kelvin::winograd
