// Weights in several files, as Hugging Face's libraries write them: "model.safetensors.index.json" holds a "weight_map" from the name of
// each tensor to the file, in the same folder, that holds it.
#pragma once

#include "engine/safetensors.h"

namespace kelvin {

// Whether a file begins like JSON; no safetensors file does.
[[nodiscard]] bool is_shard_index(std::span<const std::byte> start);

// The file name of each tensor, from an index. Mistakes: no map, a file that is no plain name in the same folder.
[[nodiscard]] std::map<std::string, std::string> parse_shard_index(const std::filesystem::path& index,
                                                                   std::string_view text);

// All tensors of the map as one file. Further mistakes: more than 500 files, a shard that does not exist or lacks a tensor.
[[nodiscard]] SafetensorsFile read_shards(const std::filesystem::path& index);

}  // namespace kelvin
