// NumPy's .npy format (numpy.lib.format, versions 1 to 3): one array, row-major.
//
// Read: bool, signed and unsigned integers, float16/32/64, little-endian. Refused with the reason: pickled objects,
// structured types, Fortran order, big-endian data, headers over 10,000 bytes, sizes that overflow or do not match the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace kelvin {

struct NpyArray {
  std::filesystem::path path;
  std::string type;                 // "u1", "f4", "i8", ...: kind and bytes an element
  std::vector<std::int64_t> shape;  // empty: one element
  std::vector<std::byte> bytes;

  [[nodiscard]] std::int64_t size() const;
  // Elements converted; a mistake for a type that does not convert (floats to integers).
  [[nodiscard]] std::vector<float> to_float() const;
  [[nodiscard]] std::vector<std::int64_t> to_int() const;
  [[nodiscard]] std::string shape_text() const;  // "(10, 28, 28)"
};

// The header is checked against the file's size before memory is asked for.
[[nodiscard]] NpyArray read_npy(const std::filesystem::path& path);
// Type and shape alone, as checked; `bytes` stays empty.
[[nodiscard]] NpyArray read_npy_header(const std::filesystem::path& path);
[[nodiscard]] NpyArray parse_npy(const std::filesystem::path& path, std::vector<std::byte> bytes);

// Written atomically, version 1.0, data aligned to 64 bytes.
void write_npy(const std::filesystem::path& path, std::span<const float> values,
               const std::vector<std::int64_t>& shape);
void write_npy(const std::filesystem::path& path, std::span<const std::uint8_t> values,
               const std::vector<std::int64_t>& shape);

}  // namespace kelvin
