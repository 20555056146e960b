#include "engine/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "engine/atomic_file.h"
#include "engine/input_file.h"
#include "engine/json_text.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

static_assert(std::endian::native == std::endian::little, "safetensors data is written as it lies in memory");

constexpr std::uint64_t kPrefix = 8;  // bytes of the header length
constexpr std::uint64_t kMaxHeader = 100'000'000;

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

Json parse_header(const Path& path, std::span<const std::byte> text) {
  Json header = parse_json(path, {reinterpret_cast<const char*>(text.data()), text.size()}, kPrefix);
  if (!header.is_object()) throw damaged(path, "the header is not a JSON object");
  return header;
}

struct Extent {
  std::uint64_t begin = 0, end = 0;
  std::string name;
};

std::uint64_t unsigned_of(const Path& path, const Json& value, const std::string& what) {
  if (!value.is_number_unsigned()) throw damaged(path, what + " is not a non-negative integer");
  return value.get<std::uint64_t>();
}

// Parses one header entry; `bytes` is filled in later, when the offsets are known to be inside the file.
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

}  // namespace

SafetensorsFile parse_safetensors(const Path& path, std::vector<std::byte> bytes) {
  SafetensorsFile file{path, {}, {}, std::move(bytes)};
  const std::uint64_t size = file.storage.size();
  if (size < kPrefix) throw damaged(path, str("only ", size, " bytes, the shortest file has ", kPrefix));
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, file.storage.data(), kPrefix);
  if (header_size > kMaxHeader) throw damaged(path, str("a header of ", header_size, " bytes; at most ", kMaxHeader));
  if (header_size > size - kPrefix)
    throw damaged(path, str("a header of ", header_size, " bytes in a file of ", size, ": truncated?"));

  const Json header = parse_header(path, std::span(file.storage).subspan(kPrefix, header_size));
  const std::span<const std::byte> data = std::span(file.storage).subspan(kPrefix + header_size);
  std::vector<Extent> extents;
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") {
      extents.push_back(parse_entry(path, name, value, file.tensors[name]));
      continue;
    }
    if (!value.is_object()) throw damaged(path, "__metadata__ is not an object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) throw damaged(path, "__metadata__ holds something that is not a string");
      file.metadata[key] = text.get<std::string>();
    }
  }
  check_tiling(path, extents, data.size());
  for (const Extent& e : extents) file.tensors[e.name].bytes = data.subspan(e.begin, e.end - e.begin);
  return file;
}

SafetensorsFile read_safetensors(const Path& path) { return parse_safetensors(path, read_file(path, INT64_MAX)); }

void write_safetensors(const Path& path, const std::map<std::string, SafetensorsEntry>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  // Largest elements first, as the reference writer orders them, so that every tensor is aligned to its element.
  std::vector<const std::pair<const std::string, SafetensorsEntry>*> order;
  for (const auto& item : tensors) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return bits_of_dtype().at(a->second.dtype) > bits_of_dtype().at(b->second.dtype);
  });
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t at = 0;
  for (const auto* item : order) {
    const SafetensorsEntry& t = item->second;
    header[item->first] = {{"dtype", t.dtype}, {"shape", t.shape}, {"data_offsets", {at, at + t.bytes.size()}}};
    at += t.bytes.size();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t header_size = text.size();

  write_file_atomically(path, [&](std::ostream& out) {
    out.write(reinterpret_cast<const char*>(&header_size), kPrefix);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    for (const auto* item : order)
      out.write(reinterpret_cast<const char*>(item->second.bytes.data()),
                static_cast<std::streamsize>(item->second.bytes.size()));
  });
}

}  // namespace kelvin
