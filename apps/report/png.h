// Images as PNG, base64-encoded, for embedding in HTML and JSON.
#pragma once

#include <string>

#include "kernels/device/view.h"

namespace kelvin {

// image [H, W, C] float32 in [0, 1], C = 1 or 3; rounded to 8 bits.
[[nodiscard]] std::string png_base64(View<const float> image);

}  // namespace kelvin
