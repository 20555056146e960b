// What a PNG says of itself, and whether it is whole: every chunk's CRC, and the pixels' stream by zlib, which checks its Adler-32. stb_image,
// which decodes, looks at neither, and inflates whatever comes.
#pragma once

#include "data/image_file.h"

namespace kelvin {

[[nodiscard]] bool is_png(std::span<const std::byte> bytes);
// From the first chunk; a mistake that names `path` where it is damaged or says what no PNG may say.
[[nodiscard]] ImageHeader png_header(const std::filesystem::path& path, std::span<const std::byte> bytes);
// The bytes up to the end of the last chunk; what follows is no part of the image. A mistake names the chunk that is damaged, or says that
// the pixels inflate to more than the header asks for. Takes a fixed amount of memory.
[[nodiscard]] std::span<const std::byte> checked_png(const std::filesystem::path& path,
                                                     std::span<const std::byte> bytes);

}  // namespace kelvin
