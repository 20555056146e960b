#include "data/bmp_file.h"

#include <algorithm>
#include <cstdlib>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;
using Bytes = std::span<const std::byte>;

constexpr std::uint32_t kFileHeader = 14;

std::uint32_t little_endian(Bytes bytes, std::size_t at, int n) {
  std::uint32_t value = 0;
  for (int i = n - 1; i >= 0; --i)
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + static_cast<std::size_t>(i)]);
  return value;
}

struct BmpHeader {
  std::uint64_t width = 0, height = 0, bits = 0;  // bits: a pixel
  std::uint64_t palette = 0, pixels = 0;          // where they begin
  std::uint64_t colours = 0;                      // of the palette
  [[nodiscard]] std::uint64_t row_size() const { return (width * bits + 31) / 32 * 4; }
};

BmpHeader bmp_header_of(const Path& path, Bytes bytes) {
  if (bytes.size() < kFileHeader + 40) throw mistake(path.string(), ": damaged BMP: ends inside its header");
  const std::uint32_t size = little_endian(bytes, 14, 4), offset = little_endian(bytes, 10, 4);
  const std::uint32_t bits = little_endian(bytes, 28, 2), compression = little_endian(bytes, 30, 4);
  const auto height = static_cast<std::int64_t>(static_cast<std::int32_t>(little_endian(bytes, 22, 4)));
  const auto width = static_cast<std::int64_t>(static_cast<std::int32_t>(little_endian(bytes, 18, 4)));
  const bool has_masks = compression == 3 && (bits == 16 || bits == 32) && size != 56;
  const bool is_known = size == 40 || size == 56 || size == 108 || size == 124;
  const bool has_known_bits = bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32;
  if (!is_known || !has_known_bits || (compression != 0 && !has_masks))
    throw mistake(path.string(), ": a BMP with a header of ", size, " bytes, ", bits, " bits a pixel and compression ",
                  compression, ", which is not read; save it as PNG");
  if (width <= 0 || height == 0 || offset < kFileHeader + size)
    throw mistake(path.string(), ": damaged BMP: ", height, "x", width, " pixels from byte ", offset, " on");
  BmpHeader h{static_cast<std::uint64_t>(width),
              static_cast<std::uint64_t>(std::abs(height)),
              bits,
              kFileHeader + size,
              offset,
              0};
  if (bits < 16) h.colours = (h.pixels - h.palette) / 4;
  return h;
}

bool is_grey(const BmpHeader& h, Bytes bytes) {
  if (h.bits > 8 || h.palette + 4 * h.colours > bytes.size()) return false;
  for (std::uint64_t i = 0; i < h.colours; ++i) {
    const Bytes colour = bytes.subspan(h.palette + 4 * i, 3);
    if (colour[0] != colour[1] || colour[1] != colour[2]) return false;
  }
  return true;
}

}  // namespace

bool is_bmp(Bytes bytes) { return bytes.size() >= 2 && bytes[0] == std::byte{'B'} && bytes[1] == std::byte{'M'}; }

ImageHeader bmp_header(const Path& path, Bytes bytes) {
  const BmpHeader h = bmp_header_of(path, bytes);
  return {static_cast<int>(std::min<std::uint64_t>(h.height, INT32_MAX)), static_cast<int>(h.width),
          is_grey(h, bytes) ? 1 : 3};
}

void check_bmp(const Path& path, Bytes bytes) {
  const BmpHeader h = bmp_header_of(path, bytes);
  const std::uint64_t last = (h.width * h.bits + 7) / 8;  // of the last row, which need not be padded
  const std::uint64_t needed = h.pixels + (h.height - 1) * h.row_size() + last;
  if (needed > bytes.size())
    throw mistake(path.string(), ": damaged BMP: ", h.height, "x", h.width, " pixels end at byte ", needed,
                  ", the file at ", bytes.size());
  if (h.bits >= 16) return;
  for (std::uint64_t y = 0; y < h.height; ++y)
    for (std::uint64_t x = 0; x < h.width; ++x) {
      const auto byte = std::to_integer<unsigned>(bytes[h.pixels + y * h.row_size() + x * h.bits / 8]);
      const std::uint64_t shift = 8 - h.bits - x * h.bits % 8, colour = byte >> shift & ((1u << h.bits) - 1);
      if (colour >= h.colours)
        throw mistake(path.string(), ": damaged BMP: colour ", colour, " in row ", y, ", its palette has ", h.colours);
    }
}

}  // namespace kelvin
