// Filters transformed for the products: [K / 64, 16 places, C / 2, 64] pairs of neighbouring input channels, rounded to bfloat16
// once. The last panel is 32 wide where K is an odd multiple of 32.
#pragma once

#include "kernels/convolution/winograd/products.h"
#include "kernels/device/view.h"

namespace kelvin::winograd {

[[nodiscard]] std::size_t filter_bytes(const Shape& w);

// of w [K, 3, 3, C]: K outputs, C inputs
void transform_filters(Pair* out, View<const float> w);

// of the data gradient's filter: w turned by 180 degrees, C outputs, K inputs
void transform_turned_filters(Pair* out, View<const float> w);

}  // namespace kelvin::winograd
