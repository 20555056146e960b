// Images as PNG, base64-encoded, for embedding in HTML and JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "kernels/device/view.h"

namespace kelvin {

// image [H, W, C] float32 in [0, 1], C = 1 or 3; rounded to 8 bits.
[[nodiscard]] std::string png_base64(View<const float> image);

// The same from 8-bit pixels [height, width, channels]; and to a file, written atomically.
[[nodiscard]] std::string png_base64(std::span<const std::uint8_t> pixels, int height, int width, int channels);
void write_png(const std::filesystem::path& path, std::span<const std::uint8_t> pixels, int height, int width,
               int channels);

}  // namespace kelvin
