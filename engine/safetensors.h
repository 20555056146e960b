// The safetensors file format (https://github.com/huggingface/safetensors, README "Format"): named tensors with a JSON
// header, readable by every framework, executing nothing.
//
// Layout: u64 little-endian N; N bytes of JSON; data. The reader makes every check of the reference parser: header at most
// 100,000,000 bytes and inside the file, valid JSON object, no duplicate names, known dtypes, shapes of non-negative
// integers without overflow, and offsets that tile the data exactly. Whatever fails throws a mistake with file and reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace kelvin {

struct SafetensorsEntry {
  std::string dtype;                 // "F32", "BF16", "I64", ... as in the file
  std::vector<std::int64_t> shape;   // row-major; empty: one element
  std::span<const std::byte> bytes;  // little-endian elements
};

struct SafetensorsFile {
  std::filesystem::path path;
  std::map<std::string, SafetensorsEntry> tensors;  // bytes point into `storage`
  std::map<std::string, std::string> metadata;
  std::vector<std::byte> storage;
};

[[nodiscard]] SafetensorsFile read_safetensors(const std::filesystem::path& path);
// The same from memory (`path` names it in errors); the bytes are moved into the result.
[[nodiscard]] SafetensorsFile parse_safetensors(const std::filesystem::path& path, std::vector<std::byte> bytes);

// Writes atomically: a reader sees the old file or the whole new one.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, SafetensorsEntry>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace kelvin
