// Weights in several files, as Hugging Face's libraries write them: "model.safetensors.index.json" holds a "weight_map" from the name of
// each tensor to the file, in the same folder, that holds it.
#pragma once

#include "engine/safetensors.h"

namespace kelvin {

// Whether a file begins as JSON does, which no safetensors file can.
[[nodiscard]] bool is_shard_index(std::span<const std::byte> start);

// All tensors of the map, as of one file. Mistakes: no map, a name that leaves the folder, a shard that is not there or lacks a tensor.
[[nodiscard]] SafetensorsFile read_shards(const std::filesystem::path& index);

}  // namespace kelvin
