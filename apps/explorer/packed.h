// Pictures as short texts in the page's data: base64 of one byte a number or less. explorer/data.js reads them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace kelvin {

// Pixels in [0, 1], to 1/255.
[[nodiscard]] std::string pack_pixels(std::span<const float> pixels);

// Numbers in [−scale, scale] as bytes 127 + 127·x/scale; zero is exactly 127. scale > 0.
[[nodiscard]] std::string pack_signed(std::span<const float> values, float scale);

// The same of sign(x)·√(|x|/scale), so that small values can still be told from zero.
[[nodiscard]] std::string pack_roots(std::span<const float> values, float scale);

// Signs −1, 0 and 1 without loss, five to a byte: Σ (s_k + 1)·3^k.
[[nodiscard]] std::string pack_signs(std::span<const std::int8_t> signs);

}  // namespace kelvin
