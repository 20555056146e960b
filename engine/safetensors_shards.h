// Weights in several files, as Hugging Face's libraries write them: "model.safetensors.index.json" holds a "weight_map" from the name of
// each tensor to the file, in the same folder, that holds it.
#pragma once

#include "engine/safetensors.h"

namespace kelvin {

// Whether a file begins as JSON does, which no safetensors file can.
[[nodiscard]] bool is_shard_index(std::span<const std::byte> start);

// From each tensor to the file that holds it, as an index says. Mistakes: no map, a file that is no plain name in the same folder.
[[nodiscard]] std::map<std::string, std::string> parse_shard_index(const std::filesystem::path& index,
                                                                   std::string_view text);

// All tensors of the map, as of one file. Mistakes as well: more than 500 files, a shard that is not there or lacks a tensor.
[[nodiscard]] SafetensorsFile read_shards(const std::filesystem::path& index);

}  // namespace kelvin
