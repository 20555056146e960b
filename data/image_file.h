// PNG and BMP files, checked (png_file.h, bmp_file.h) and decoded by stb_image, and JPEG files, by libjpeg (jpeg_file.h); and a cache of
// whole decoded sets.
//
// A file's header is read first: an image that is empty, enormous or of the wrong size is refused before its pixels are decoded, so
// that a small file cannot ask for gigabytes. Grey files are replicated to RGB, alpha is dropped, 16 bits become 8.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace kelvin {

inline constexpr std::uint64_t kMaxImageFile = 256u << 20;         // bytes
inline constexpr std::int64_t kMaxImagePixels = 32 * 1024 * 1024;  // 8192 x 4096: large photographs, too

struct ImageHeader {
  int height = 0, width = 0;
  int channels = 0;  // as stored: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha
};

struct DecodedImage {
  int height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> pixels;  // [H, W, channels]
};

// Throws a mistake that names `path`: no PNG, JPEG or BMP, 0 pixels, more than kMaxImagePixels.
[[nodiscard]] ImageHeader image_header(const std::filesystem::path& path, std::span<const std::byte> bytes);
// Also for damaged data. `channels`: 1 or 3.
[[nodiscard]] DecodedImage decode_image(const std::filesystem::path& path, std::span<const std::byte> bytes,
                                        int channels);

// image_header from a file; a mistake when it cannot be read or is larger than 256 MiB.
[[nodiscard]] ImageHeader read_image_header(const std::filesystem::path& path);

// .png, .jpg, .jpeg or .bmp, in any case.
[[nodiscard]] bool is_image_name(const std::filesystem::path& path);

// Decodes all files, in parallel, to [N, H, W, channels]. All must have the size asked for; the first in the list that does not is
// the mistake's.
[[nodiscard]] std::vector<std::uint8_t> decode_images(const std::vector<std::filesystem::path>& files, int height,
                                                      int width, int channels);

// decode_images, kept in the user's cache folder (cache_folder() / "images") as one safetensors file with checksums; a damaged entry is
// decoded anew. Its name holds `name`, a digest of the files' paths, and one of their order, sizes, inodes and times of modification and
// change: an entry that no longer fits is not found, and is removed when its successor is written, atomically. Where the cache cannot be
// written the images are decoded all the same.
[[nodiscard]] std::vector<std::uint8_t> decode_images_cached(const std::string& name,
                                                             const std::vector<std::filesystem::path>& files,
                                                             int height, int width, int channels);

// $KELVIN_CACHE, else $XDG_CACHE_HOME/kelvin, else ~/.cache/kelvin; empty when none of the three is set.
[[nodiscard]] std::filesystem::path cache_folder();

}  // namespace kelvin
