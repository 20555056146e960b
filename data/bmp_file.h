// Windows bitmaps, uncompressed: what their headers say, and whether all that stb_image will read is there. It takes missing pixels
// for zeros, and colours beyond the palette from memory that nobody set.
#pragma once

#include "data/image_file.h"

namespace kelvin {

[[nodiscard]] bool is_bmp(std::span<const std::byte> bytes);
// Grey where it has a palette of greys. A mistake names `path`: compressed, a kind that is not read.
[[nodiscard]] ImageHeader bmp_header(const std::filesystem::path& path, std::span<const std::byte> bytes);
// A mistake where pixels are missing or have no colour.
void check_bmp(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace kelvin
