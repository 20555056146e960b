// The weights that train --init starts from.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/model.h"

namespace kelvin {

struct InitialWeights {
  bool is_head_new = false;        // the last layer kept its own start
  std::vector<std::string> notes;  // what the file brought or lacked
};

// Copies a file's weights into the model. The last layer of a run of ours is what its classifier and its scale make of it.
[[nodiscard]] InitialWeights load_initial_weights(const std::filesystem::path& path, bool allow_partial,
                                                  const Model& model);

}  // namespace kelvin
