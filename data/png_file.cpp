#include "data/png_file.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string_view>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;
using Bytes = std::span<const std::byte>;

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
constexpr std::size_t kFrame = 12;  // of a chunk: length, type, CRC
constexpr std::size_t kHeader = 13;

std::uint32_t big_endian(Bytes bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  return value;
}
const Bytef* zlib_data(Bytes bytes) { return reinterpret_cast<const Bytef*>(bytes.data()); }

template <class... Parts>
Error damaged(const Path& path, const Parts&... parts) {
  return mistake(path.string(), ": damaged PNG: ", parts...);
}

struct Chunk {
  std::size_t at = 0;  // in the file
  std::string_view type;
  Bytes data;
};

// The chunk that begins at a byte, its CRC checked.
Chunk chunk_at(const Path& path, Bytes bytes, std::size_t at) {
  const std::size_t left = bytes.size() - at;
  if (left < kFrame) throw damaged(path, "ends at byte ", bytes.size(), ", before its last chunk (cut short?)");
  const std::size_t length = big_endian(bytes, at);
  if (length > left - kFrame)
    throw damaged(path, "the chunk at byte ", at, " says ", length, " bytes, ", left - kFrame, " are left");
  Chunk chunk{at, {reinterpret_cast<const char*>(bytes.data()) + at + 4, 4}, bytes.subspan(at + 8, length)};
  for (const char c : chunk.type)
    if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z')) throw damaged(path, "no chunk begins at byte ", at);
  if (crc32(0, zlib_data(bytes) + at + 4, static_cast<uInt>(length + 4)) != big_endian(bytes, at + 8 + length))
    throw damaged(path, "chunk ", chunk.type, " at byte ", at, " does not agree with its checksum");
  return chunk;
}

struct PngHeader {
  std::uint32_t width = 0, height = 0;
  unsigned depth = 0, channels = 0;
  bool is_interlaced = false;
};

PngHeader png_header_of(const Path& path, Bytes bytes) {
  const Chunk chunk = chunk_at(path, bytes, kSignature.size());
  if (chunk.type != "IHDR" || chunk.data.size() != kHeader)
    throw damaged(path, "does not begin with a chunk IHDR of ", kHeader, " bytes");
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(chunk.data[i]); };
  PngHeader h{big_endian(chunk.data, 0), big_endian(chunk.data, 4), at(8), 0, at(12) == 1};
  const unsigned color = at(9);
  constexpr unsigned kChannels[7] = {1, 0, 3, 1, 2, 0, 4};
  h.channels = color < 7 ? kChannels[color] : 0;
  const bool is_power = h.depth == 1 || h.depth == 2 || h.depth == 4 || h.depth == 8 || h.depth == 16;
  const bool fits = color == 0 || (color == 3 ? h.depth <= 8 : h.depth >= 8);
  if (h.channels == 0 || !is_power || !fits || at(10) != 0 || at(11) != 0 || at(12) > 1)
    throw damaged(path, "IHDR says colour type ", color, ", depth ", h.depth, ", compression ", at(10), ", filter ",
                  at(11), ", interlace ", at(12));
  if (h.width == 0 || h.height == 0 || h.width > INT32_MAX || h.height > INT32_MAX)
    throw damaged(path, "an image of ", h.height, "x", h.width, " pixels");
  return h;
}

// Bytes of the pixels before compression, with one byte of filter a row.
std::uint64_t raw_size(const PngHeader& h) {
  const auto rows = [&](std::uint64_t width, std::uint64_t height) {
    return width == 0 ? 0 : height * (1 + (width * h.channels * h.depth + 7) / 8);
  };
  if (!h.is_interlaced) return rows(h.width, h.height);
  constexpr std::uint64_t kPasses[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                           {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};  // first x, y; steps
  std::uint64_t size = 0;
  for (const auto& [x, y, dx, dy] : kPasses) size += rows((h.width - x + dx - 1) / dx, (h.height - y + dy - 1) / dy);
  return size;
}

// Inflates into a buffer that is used again and again.
class PixelStream {
 public:
  PixelStream(const Path& path, std::uint64_t expected) : path_(path), expected_(expected) {
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  ~PixelStream() { inflateEnd(&stream_); }
  PixelStream(const PixelStream&) = delete;
  PixelStream& operator=(const PixelStream&) = delete;

  void add(const Chunk& chunk) {
    std::array<Bytef, 1 << 15> pixels;
    stream_.next_in = const_cast<Bytef*>(zlib_data(chunk.data));
    stream_.avail_in = static_cast<uInt>(chunk.data.size());
    while (!is_over_ && stream_.avail_in > 0) {
      stream_.next_out = pixels.data();
      stream_.avail_out = static_cast<uInt>(pixels.size());
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code == Z_MEM_ERROR) throw std::bad_alloc();
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        throw damaged(path_, "chunk IDAT at byte ", chunk.at, ": ",
                      stream_.msg != nullptr ? stream_.msg : "needs a dictionary");
      is_over_ = code == Z_STREAM_END;
      size_ += pixels.size() - stream_.avail_out;
      // Some writers append a little; stb_image drops it.
      if (size_ > 2 * expected_ + pixels.size())
        throw damaged(path_, "its pixels are more than the ", expected_, " bytes that its header asks for");
    }
  }
  void finish() const {
    if (!is_over_ || size_ < expected_)
      throw damaged(path_, "its pixels end after ", size_, " of ", expected_, " bytes");
  }

 private:
  const Path& path_;
  std::uint64_t expected_, size_ = 0;
  z_stream stream_{};
  bool is_over_ = false;
};

}  // namespace

bool is_png(Bytes bytes) {
  return bytes.size() >= kSignature.size() && std::memcmp(bytes.data(), kSignature.data(), kSignature.size()) == 0;
}

ImageHeader png_header(const Path& path, Bytes bytes) {
  const PngHeader h = png_header_of(path, bytes);
  const bool has_palette = h.channels == 1 && std::to_integer<int>(bytes[kSignature.size() + 8 + 9]) == 3;
  return {static_cast<int>(h.height), static_cast<int>(h.width), has_palette ? 3 : static_cast<int>(h.channels)};
}

Bytes checked_png(const Path& path, Bytes bytes) {
  PixelStream pixels(path, raw_size(png_header_of(path, bytes)));
  for (std::size_t at = kSignature.size();;) {
    const Chunk chunk = chunk_at(path, bytes, at);
    at += kFrame + chunk.data.size();
    if (chunk.type == "IDAT") pixels.add(chunk);
    if (chunk.type != "IEND") continue;
    pixels.finish();
    return bytes.first(at);
  }
}

}  // namespace kelvin
