// CPU: 3x3 convolutions with stride 1 and padding 1 by Winograd's minimal filtering: F(4x4, 3x3), with 4 times fewer products than the direct
// sum, and for wide layers of bfloat16 F(2x2, 3x3), with 2.25 times fewer. Used by kernels/convolution only; arguments are conv2d.h's.
//
// Tiles of images and filters are transformed in float32; F(2x2) rounds them once to bfloat16. Products are summed in float32; y and dx are
// rounded once. Same bits for any number of threads, in all three directions. Needs multiples of 16 channels, and for bfloat16 AVX512_BF16.
#pragma once

#include "kernels/convolution/conv2d.h"

namespace kelvin::winograd {

// Whether this build and this CPU have the functions below for the type, and the shape allows them.
template <class T>
[[nodiscard]] bool can_run(const Shape& x, const Shape& w, const ConvOptions& options);
template <>
bool can_run<float>(const Shape& x, const Shape& w, const ConvOptions& options);
template <>
bool can_run<bfloat16>(const Shape& x, const Shape& w, const ConvOptions& options);

// The side of the tiles of outputs that these filters [K, 3, 3, C] take: 4 or 2.
template <class T>
[[nodiscard]] int tile_side(const Shape& w) {
  return dtype_of<T> == DType::bf16 && w[0] >= 64 && w[3] >= 64 && w[0] % 32 == 0 && w[3] % 32 == 0 ? 2 : 4;
}

void forward(View<float> y, View<const float> x, View<const float> w, const ConvEpilogue<float>& epilogue);
// dx, or what is added to dx
void backward_data(View<float> dx, View<const float> dy, View<const float> w, bool adds);
void backward_filter(View<float> dw, View<const float> x, View<const float> dy);

void forward(View<bfloat16> y, View<const bfloat16> x, View<const float> w, const ConvEpilogue<bfloat16>& epilogue);
void backward_data(View<bfloat16> dx, View<const bfloat16> dy, View<const float> w, bool adds);
void backward_filter(View<float> dw, View<const bfloat16> x, View<const bfloat16> dy);

}  // namespace kelvin::winograd
