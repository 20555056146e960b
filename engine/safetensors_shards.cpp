#include "engine/safetensors_shards.h"

#include "engine/foreign_file.h"
#include "engine/json_text.h"
#include "engine/printable.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr std::size_t kMaxShards = 500;  // each is open while its tensors are used

void require_plain_name(const Path& index, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos)
    throw mistake(index.string(), ": weight_map names the file \"", printable(name), "\", which is no plain file name");
}

SafetensorsFile read_shard(const Path& index, const std::string& name) {
  const Path path = index.parent_path() / name;
  if (!is_there(path))
    throw mistake(index.string(), ": its weight_map names ", name, ", which is not in the same folder; fetch it, too");
  std::vector<std::byte> start(std::min<std::uint64_t>(InputFile(path).size(), kForeignStart));
  InputFile(path).read_at(0, start);
  if (is_shard_index(start)) throw mistake(path.string(), ": is JSON, expected a shard in the safetensors format");
  return read_safetensors(path);
}

}  // namespace

bool is_shard_index(std::span<const std::byte> start) {
  const std::size_t first = first_of_text(start);
  return first < start.size() && start[first] == std::byte{'{'};
}

std::map<std::string, std::string> parse_shard_index(const Path& index, std::string_view text) {
  const Json json = parse_json(index, text);
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
    throw mistake(index.string(), ": is JSON, expected safetensors, or an index with a weight_map of its shards");
  std::map<std::string, std::string> files;
  for (const auto& [tensor, value] : json["weight_map"].items()) {
    if (!value.is_string()) throw mistake(index.string(), ": weight_map names no file for ", tensor);
    require_plain_name(index, files[tensor] = value.get<std::string>());
  }
  return files;
}

SafetensorsFile read_shards(const Path& index) {
  SafetensorsFile all{index, {}, {}, false, {}};
  std::map<std::string, SafetensorsFile> shards;
  for (const auto& [tensor, name] : parse_shard_index(index, read_text(index))) {
    auto shard = shards.find(name);
    if (shard == shards.end()) {
      if (shards.size() == kMaxShards) throw mistake(index.string(), ": names more than ", kMaxShards, " files");
      shard = shards.emplace(name, read_shard(index, name)).first;
    }
    const auto found = shard->second.tensors.find(tensor);
    if (found == shard->second.tensors.end())
      throw mistake(index.string(), ": its weight_map looks for ", tensor, " in ", name, ", which does not hold it");
    all.tensors.insert(*found);
  }
  return all;
}

}  // namespace kelvin
