// The safetensors file format (https://github.com/huggingface/safetensors, README "Format"): named tensors with a JSON
// header, readable by every framework, without code in it.
//
// Layout: u64 little-endian N; N bytes of JSON; data. The reader makes every check of the reference parser: header at most
// 100,000,000 bytes and inside the file, valid JSON object, no duplicate names, known dtypes, shapes of non-negative
// integers without overflow, and offsets that tile the data exactly. A failed check throws a mistake with file and reason.
//
// Only the header is read at first; `elements_of` reads elements later, so that a file takes no more memory than the tensors that are
// used. Files written here have checksums (engine/safetensors_checksums.h), which are checked when a file that has them is opened. A set of
// shards is read through its index file, "*.safetensors.index.json", as if it were one file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/input_file.h"

namespace kelvin {

struct SafetensorsEntry {
  std::string dtype;                                 // "F32", "BF16", "I64", ... as in the file
  std::vector<std::int64_t> shape;                   // row-major; empty: one element
  std::span<const std::byte> in_memory = {};         // little-endian elements; if empty they are in `file`:
  std::shared_ptr<const ByteSource> file = nullptr;  // from byte `offset`, `size` bytes
  std::uint64_t offset = 0, size = 0;
};

// The elements as bytes.
[[nodiscard]] std::uint64_t byte_count(const SafetensorsEntry& entry);
[[nodiscard]] std::vector<std::byte> elements_of(const SafetensorsEntry& entry);
// The same, a block at a time.
void for_each_block(const SafetensorsEntry& entry, const std::function<void(std::span<const std::byte>)>& f);

struct SafetensorsFile {
  std::filesystem::path path;
  std::map<std::string, SafetensorsEntry> tensors;
  std::map<std::string, std::string> metadata;
  bool has_checksums = false;      // and all of them agree
  std::vector<std::byte> storage;  // of a file that was parsed from memory
  // Of PyTorch's files: what dictionaries inside of the file put before names ("state_dict.").
  std::set<std::string> sections = {};
};

[[nodiscard]] SafetensorsFile read_safetensors(const std::filesystem::path& path);
// The same from memory (`path` names it in errors); the bytes are moved into the result.
[[nodiscard]] SafetensorsFile parse_safetensors(const std::filesystem::path& path, std::vector<std::byte> bytes);

// Writes atomically: a reader sees the old file or the whole new one.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, SafetensorsEntry>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace kelvin
