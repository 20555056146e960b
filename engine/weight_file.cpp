#include "engine/weight_file.h"

#include <algorithm>

#include "engine/foreign_file.h"
#include "engine/pytorch_file/pytorch_file.h"

namespace kelvin {

SafetensorsFile read_weight_file(const std::filesystem::path& path) {
  const auto input = std::make_shared<const InputFile>(path);
  std::vector<std::byte> start(std::min(input->size(), kForeignStart));
  input->read_at(0, start);
  return is_pytorch_file(start) ? read_pytorch_file(input) : read_safetensors(path);
}

}  // namespace kelvin
