#include "engine/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "engine/atomic_file.h"
#include "engine/foreign_file.h"
#include "engine/json_text.h"
#include "engine/safetensors_checksums.h"
#include "engine/safetensors_shards.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

static_assert(std::endian::native == std::endian::little, "safetensors data is written as it lies in memory");

constexpr std::uint64_t kLengthBytes = 8;  // bytes of the header length
constexpr std::uint64_t kMaxHeader = 100'000'000;
constexpr std::uint64_t kBlock = 1 << 20;
constexpr const char* kMetadata = "__metadata__";

const std::map<std::string, std::uint64_t>& bits_of_dtype() {
  static const std::map<std::string, std::uint64_t> bits = {
      {"BOOL", 8},    {"U8", 8},      {"I8", 8},          {"F8_E5M2", 8},     {"F8_E4M3", 8}, {"F8_E8M0", 8},
      {"I16", 16},    {"U16", 16},    {"F16", 16},        {"BF16", 16},       {"I32", 32},    {"U32", 32},
      {"F32", 32},    {"I64", 64},    {"U64", 64},        {"F64", 64},        {"C64", 64},    {"F4", 4},
      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
  };
  return bits;
}

Error damaged(const Path& path, const std::string& reason) {
  return mistake(path.string(), ": not a valid safetensors file: ", reason);
}

struct Extent {
  std::uint64_t begin = 0, end = 0;
  std::string name;
};

std::uint64_t unsigned_of(const Path& path, const Json& value, const std::string& what) {
  if (!value.is_number_unsigned()) throw damaged(path, what + " is not a non-negative integer");
  return value.get<std::uint64_t>();
}

// Parses one header entry; offset and size are relative to the data.
Extent parse_entry(const Path& path, const std::string& name, const Json& value, SafetensorsEntry& entry) {
  const std::string what = "tensor \"" + name + "\"";
  if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") || !value.contains("data_offsets"))
    throw damaged(path, what + " lacks dtype, shape or data_offsets");
  const Json &dtype = value["dtype"], &shape = value["shape"], &offsets = value["data_offsets"];
  if (!dtype.is_string() || !bits_of_dtype().contains(dtype.get<std::string>()))
    throw damaged(path, what + " has an unknown dtype");
  if (!shape.is_array()) throw damaged(path, what + " has a shape that is no list");
  if (!offsets.is_array() || offsets.size() != 2) throw damaged(path, what + " needs two data_offsets");

  entry.dtype = dtype.get<std::string>();
  std::uint64_t bits = bits_of_dtype().at(entry.dtype);
  for (const Json& dim : shape) {
    const std::uint64_t d = unsigned_of(path, dim, "a dimension of " + what);
    if (__builtin_mul_overflow(bits, d, &bits) || d > std::numeric_limits<std::int64_t>::max())
      throw damaged(path, what + " has a shape whose size overflows");
    entry.shape.push_back(static_cast<std::int64_t>(d));
  }
  const Extent extent{unsigned_of(path, offsets[0], "an offset of " + what),
                      unsigned_of(path, offsets[1], "an offset of " + what), name};
  if (extent.end < extent.begin || bits % 8 != 0 || extent.end - extent.begin != bits / 8)
    throw damaged(path, str(what, " spans bytes ", extent.begin, " to ", extent.end, ", its shape needs ", bits / 8));
  entry.offset = extent.begin;
  entry.size = extent.end - extent.begin;
  return extent;
}

void check_tiling(const Path& path, std::vector<Extent> extents, std::uint64_t data_size) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  std::uint64_t at = 0;
  for (const Extent& e : extents) {
    if (e.begin != at)
      throw damaged(path, str("tensor \"", e.name, "\" begins at data byte ", e.begin, ", expected ", at,
                              e.begin < at ? " (overlap)" : " (hole)"));
    at = e.end;
  }
  if (at != data_size) throw damaged(path, str("tensors end at data byte ", at, ", the file at ", data_size));
}

// The length of the header, from the first bytes of a file of `size`.
std::uint64_t header_size_of(const Path& path, std::span<const std::byte> start, std::uint64_t size) {
  if (const std::string kind = foreign_kind(start.first(std::min<std::size_t>(start.size(), kForeignStart)));
      !kind.empty())
    throw mistake(path.string(), ": ", kind);
  if (size < kLengthBytes) throw damaged(path, str("only ", size, " bytes, the shortest file has ", kLengthBytes));
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, start.data(), kLengthBytes);
  if (header_size > kMaxHeader) throw damaged(path, str("a header of ", header_size, " bytes; at most ", kMaxHeader));
  if (header_size > size - kLengthBytes)
    throw damaged(path, str("a header of ", header_size, " bytes in a file of ", size, ": truncated?"));
  return header_size;
}

void parse_header(SafetensorsFile& file, std::string_view text, std::uint64_t data_size) {
  const Json header = parse_json(file.path, text, kLengthBytes);
  if (!header.is_object()) throw damaged(file.path, "the header is not a JSON object");
  std::vector<Extent> extents;
  for (const auto& [name, value] : header.items()) {
    if (name != kMetadata) {
      extents.push_back(parse_entry(file.path, name, value, file.tensors[name]));
      continue;
    }
    if (value.is_null()) continue;  // the reference reader takes it for absent
    if (!value.is_object()) throw damaged(file.path, "__metadata__ is not an object");
    for (const auto& [key, entry] : value.items()) {
      if (!entry.is_string()) throw damaged(file.path, "__metadata__ holds something that is not a string");
      file.metadata[key] = entry.get<std::string>();
    }
  }
  check_tiling(file.path, std::move(extents), data_size);
}

}  // namespace

std::uint64_t byte_count(const SafetensorsEntry& entry) {
  return entry.file != nullptr ? entry.size : entry.in_memory.size();
}

void for_each_block(const SafetensorsEntry& entry, const std::function<void(std::span<const std::byte>)>& f) {
  if (entry.file == nullptr) return f(entry.in_memory);
  std::vector<std::byte> buffer(std::min(entry.size, kBlock));
  for (std::uint64_t done = 0; done < entry.size; done += buffer.size()) {
    buffer.resize(std::min(entry.size - done, kBlock));
    entry.file->read_at(entry.offset + done, buffer);
    f(buffer);
  }
}

std::vector<std::byte> elements_of(const SafetensorsEntry& entry) {
  if (entry.file == nullptr) return {entry.in_memory.begin(), entry.in_memory.end()};
  std::vector<std::byte> bytes(entry.size);
  entry.file->read_at(entry.offset, bytes);
  return bytes;
}

SafetensorsFile parse_safetensors(const Path& path, std::vector<std::byte> bytes) {
  SafetensorsFile file{path, {}, {}, false, std::move(bytes)};
  const std::span<const std::byte> all(file.storage);
  const std::uint64_t header_size = header_size_of(path, all, all.size());
  const std::span<const std::byte> data = all.subspan(kLengthBytes + header_size);
  parse_header(file, {reinterpret_cast<const char*>(all.data() + kLengthBytes), header_size}, data.size());
  for (auto& [name, entry] : file.tensors) entry.in_memory = data.subspan(entry.offset, entry.size);
  verify_checksums(file);
  return file;
}

SafetensorsFile read_safetensors(const Path& path) {
  const auto input = std::make_shared<InputFile>(path);
  std::vector<std::byte> start(std::min(input->size(), kForeignStart));
  input->read_at(0, start);
  if (is_shard_index(start)) return read_shards(path);
  const std::uint64_t header_size = header_size_of(path, start, input->size());
  std::string header(header_size, '\0');
  input->read_at(kLengthBytes, std::as_writable_bytes(std::span(header)));
  SafetensorsFile file{path, {}, {}, false, {}};
  parse_header(file, header, input->size() - kLengthBytes - header_size);
  for (auto& [name, entry] : file.tensors) {
    entry.file = input;
    entry.offset += kLengthBytes + header_size;
  }
  verify_checksums(file);
  return file;
}

void write_safetensors(const Path& path, const std::map<std::string, SafetensorsEntry>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  // Largest elements first, as the reference writer orders them, so that every tensor is aligned to its element.
  std::vector<const std::pair<const std::string, SafetensorsEntry>*> order;
  for (const auto& item : tensors) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return bits_of_dtype().at(a->second.dtype) > bits_of_dtype().at(b->second.dtype);
  });
  Json header = {{kMetadata, with_checksums(metadata, tensors)}};
  std::uint64_t at = 0;
  for (const auto* item : order) {
    const SafetensorsEntry& t = item->second;
    const std::uint64_t end = at + byte_count(t);
    header[item->first] = {{"dtype", t.dtype}, {"shape", t.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t header_size = text.size();

  write_file_atomically(path, [&](std::ostream& out) {
    const auto put = [&out](std::span<const std::byte> bytes) {
      out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    };
    put(std::as_bytes(std::span(&header_size, 1)));
    put(std::as_bytes(std::span(text)));
    for (const auto* item : order) for_each_block(item->second, put);
  });
}

}  // namespace kelvin
