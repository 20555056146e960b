// JPEG images, decoded by libjpeg as Pillow and torchvision do (integer inverse transform, smooth chroma), so that pixels are theirs.
// libjpeg is used to hostile files; damage is a mistake that names `path`, never half an image.
#pragma once

#include "data/image_file.h"

namespace kelvin {

[[nodiscard]] bool is_jpeg(std::span<const std::byte> bytes);
// Sizes and channels (1 or 3; 4 in CMYK, which `decode_jpeg` refuses).
[[nodiscard]] ImageHeader jpeg_header(const std::filesystem::path& path, std::span<const std::byte> bytes);
[[nodiscard]] DecodedImage decode_jpeg(const std::filesystem::path& path, std::span<const std::byte> bytes,
                                       int channels);

}  // namespace kelvin
