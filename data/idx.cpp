#include "data/idx.h"

#include <zlib.h>

#include <memory>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{4} << 30;
constexpr std::uint8_t kUnsignedByte = 0x08;

// zlib's gzread passes files that are not gzipped through as they are.
std::vector<std::uint8_t> read_maybe_gzipped(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) throw mistake(path.string(), ": no such file");
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw mistake(path.string(), ": cannot be opened");
  std::vector<std::uint8_t> bytes;
  std::size_t size = 0;
  while (true) {
    bytes.resize(size + (std::size_t{1} << 20));
    const int got = gzread(file.get(), bytes.data() + size, 1u << 20);
    int code = Z_OK;
    const char* const reason = gzerror(file.get(), &code);
    if (got < 0 || (got == 0 && code == Z_BUF_ERROR))
      throw mistake(path.string(), ": damaged gzip stream after ", size,
                    " bytes of content: ", code == Z_BUF_ERROR ? "unexpected end of file" : reason);
    size += static_cast<std::size_t>(got);
    if (size > kMaxBytes)
      throw mistake(path.string(), ": more than ", kMaxBytes, " bytes of content; not an image set of ours");
    if (got == 0) break;
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace

IdxArray parse_idx(const std::filesystem::path& path, const std::vector<std::uint8_t>& bytes, int expected_rank) {
  if (bytes.size() < 4) throw mistake(path.string(), ": only ", bytes.size(), " bytes; an IDX file begins with 4");
  if (bytes[0] != 0 || bytes[1] != 0)
    throw mistake(path.string(), ": byte 0: not an IDX file (expected two zero bytes, got ", int{bytes[0]}, " ",
                  int{bytes[1]}, ")");
  if (bytes[2] != kUnsignedByte)
    throw mistake(path.string(), ": byte 2: element type ", int{bytes[2]}, ", expected 8 (unsigned byte)");
  if (bytes[3] != expected_rank)
    throw mistake(path.string(), ": byte 3: ", int{bytes[3]}, " dimensions, expected ", expected_rank);
  const std::size_t header = 4 + 4 * static_cast<std::size_t>(expected_rank);
  if (bytes.size() < header) throw mistake(path.string(), ": ends at byte ", bytes.size(), " inside its header");

  IdxArray array;
  std::size_t expected = 1;
  for (std::size_t at = 4; at < header; at += 4) {
    const std::uint32_t size = static_cast<std::uint32_t>(bytes[at]) << 24 |
                               static_cast<std::uint32_t>(bytes[at + 1]) << 16 |
                               static_cast<std::uint32_t>(bytes[at + 2]) << 8 | bytes[at + 3];
    array.shape.push_back(size);
    if (__builtin_mul_overflow(expected, std::size_t{size}, &expected) || expected > kMaxBytes)
      throw mistake(path.string(), ": byte ", at, ": sizes multiply to more than ", kMaxBytes, " bytes");
  }
  if (bytes.size() - header != expected)
    throw mistake(path.string(), ": header promises ", expected, " bytes of data from byte ", header,
                  " on, the file holds ", bytes.size() - header,
                  bytes.size() - header < expected ? " (truncated?)" : "");
  array.values.assign(bytes.begin() + static_cast<std::ptrdiff_t>(header), bytes.end());
  return array;
}

IdxArray read_idx(const std::filesystem::path& path, int expected_rank) {
  return parse_idx(path, read_maybe_gzipped(path), expected_rank);
}

}  // namespace kelvin
