// Images as PNG, in memory and as files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "kernels/device/view.h"

namespace kelvin {

// The bytes of a PNG file of 8-bit pixels [height, width, channels], channels = 1 or 3.
[[nodiscard]] std::string png_bytes(std::span<const std::uint8_t> pixels, int height, int width, int channels);

// The same of float32 [H, W, C] in [0, 1], rounded to 8 bits; values outside are clamped.
[[nodiscard]] std::string png_bytes(View<const float> image);

// The same to a file, written atomically.
void write_png(const std::filesystem::path& path, std::span<const std::uint8_t> pixels, int height, int width,
               int channels);

}  // namespace kelvin
