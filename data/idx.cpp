#include "data/idx.h"

#include <fcntl.h>
#include <zlib.h>

#include <algorithm>
#include <memory>

#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr std::size_t kMaxBytes = std::size_t{1} << 30, kBlock = std::size_t{1} << 20;
constexpr std::uint8_t kUnsignedByte = 0x08;

std::size_t header_size(int rank) { return 4 + 4 * static_cast<std::size_t>(rank); }
std::size_t elements(const std::vector<std::int64_t>& shape) {
  std::size_t n = 1;
  for (const std::int64_t d : shape) n *= static_cast<std::size_t>(d);
  return n;
}

// A file's content, gunzipped where it is gzipped: zlib's gzread passes other files through as they are.
class Content {
 public:
  explicit Content(const Path& path)
      : input_(path), file_(gzdopen(fcntl(input_.descriptor(), F_DUPFD_CLOEXEC, 0), "rb"), gzclose) {
    if (!file_) throw mistake(path.string(), ": cannot be opened");
  }
  // Up to `size` more bytes are added to `bytes`, in blocks: memory grows with what is there, not with what a header says.
  void append(std::vector<std::uint8_t>& bytes, std::size_t size) {
    const std::size_t end = bytes.size() + size;
    while (bytes.size() < end) {
      const std::size_t before = bytes.size();
      bytes.resize(std::min(end, before + kBlock));
      const int got = gzread(file_.get(), bytes.data() + before, static_cast<unsigned>(bytes.size() - before));
      bytes.resize(before + static_cast<std::size_t>(std::max(got, 0)));
      int code = Z_OK;
      const char* const reason = gzerror(file_.get(), &code);
      if (got < 0 || (got == 0 && code == Z_BUF_ERROR))
        throw mistake(input_.path().string(), ": damaged gzip stream after ", bytes.size(),
                      " bytes of content: ", code == Z_BUF_ERROR ? "unexpected end of file" : reason);
      if (got == 0) return;
    }
  }

 private:
  InputFile input_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

}  // namespace

std::vector<std::int64_t> parse_idx_header(const Path& path, std::span<const std::uint8_t> bytes, int expected_rank) {
  if (bytes.size() < 4) throw mistake(path.string(), ": only ", bytes.size(), " bytes; an IDX file begins with 4");
  if (bytes[0] != 0 || bytes[1] != 0)
    throw mistake(path.string(), ": byte 0: not an IDX file (expected two zero bytes, got ", int{bytes[0]}, " ",
                  int{bytes[1]}, ")");
  if (bytes[2] != kUnsignedByte)
    throw mistake(path.string(), ": byte 2: element type ", int{bytes[2]}, ", expected 8 (unsigned byte)");
  if (bytes[3] != expected_rank)
    throw mistake(path.string(), ": byte 3: ", int{bytes[3]}, " dimensions, expected ", expected_rank);
  const std::size_t header = header_size(expected_rank);
  if (bytes.size() < header) throw mistake(path.string(), ": ends at byte ", bytes.size(), " inside its header");
  std::vector<std::int64_t> shape;
  std::size_t expected = 1;
  for (std::size_t at = 4; at < header; at += 4) {
    const std::uint32_t size = static_cast<std::uint32_t>(bytes[at]) << 24 |
                               static_cast<std::uint32_t>(bytes[at + 1]) << 16 |
                               static_cast<std::uint32_t>(bytes[at + 2]) << 8 | bytes[at + 3];
    shape.push_back(size);
    if (__builtin_mul_overflow(expected, std::size_t{size}, &expected) || expected > kMaxBytes)
      throw mistake(path.string(), ": byte ", at, ": sizes multiply to more than ", kMaxBytes, " bytes");
  }
  return shape;
}

IdxArray parse_idx(const Path& path, std::vector<std::uint8_t> bytes, int expected_rank) {
  IdxArray array{parse_idx_header(path, bytes, expected_rank), {}};
  const std::size_t header = header_size(expected_rank), expected = elements(array.shape);
  if (bytes.size() - header != expected)
    throw mistake(path.string(), ": header promises ", expected, " bytes of data from byte ", header,
                  " on, the file holds ", bytes.size() - header > expected ? "at least " : "", bytes.size() - header,
                  bytes.size() - header < expected ? " (truncated?)" : "");
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  array.values = std::move(bytes);
  return array;
}

std::vector<std::int64_t> read_idx_header(const Path& path, int expected_rank) {
  std::vector<std::uint8_t> bytes;
  Content(path).append(bytes, header_size(expected_rank));
  return parse_idx_header(path, bytes, expected_rank);
}

IdxArray read_idx(const Path& path, int expected_rank) {
  std::vector<std::uint8_t> bytes;
  Content content(path);
  content.append(bytes, header_size(expected_rank));
  content.append(bytes,
                 elements(parse_idx_header(path, bytes, expected_rank)) + 1);  // the one that should not be there
  return parse_idx(path, std::move(bytes), expected_rank);
}

}  // namespace kelvin
