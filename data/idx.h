// IDX, the format of MNIST and its relatives: bytes 0, 0, type, rank; rank big-endian uint32 sizes; elements row-major.
// Only unsigned bytes (type 0x08) are read. Files may be gzipped (recognised by their first two bytes).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace kelvin {

struct IdxArray {
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> values;
};

// Throws a mistake naming file, byte offset, expected and got: absent or unreadable file, damaged gzip stream, wrong magic,
// element type or rank, more than 1 GiB, too few or too many bytes. No more is gunzipped than the header asks for.
[[nodiscard]] IdxArray read_idx(const std::filesystem::path& path, int expected_rank);
// The shape alone.
[[nodiscard]] std::vector<std::int64_t> read_idx_header(const std::filesystem::path& path, int expected_rank);
// The same from the uncompressed bytes of a file; `path` names it in errors.
[[nodiscard]] IdxArray parse_idx(const std::filesystem::path& path, std::vector<std::uint8_t> bytes, int expected_rank);
[[nodiscard]] std::vector<std::int64_t> parse_idx_header(const std::filesystem::path& path,
                                                         std::span<const std::uint8_t> bytes, int expected_rank);

}  // namespace kelvin
