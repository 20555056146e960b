// A file of weights from any program, in whatever format it is: safetensors, the index of its shards, PyTorch's own files. The first bytes
// of a file tell its format, not its name.
#pragma once

#include "engine/safetensors.h"

namespace kelvin {

[[nodiscard]] SafetensorsFile read_weight_file(const std::filesystem::path& path);

}  // namespace kelvin
