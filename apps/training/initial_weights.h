// The weights that train --init starts from.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "models/weights.h"

namespace kelvin {

// Copies a file's weights into the model; the report's notes name the tensors that the file lacks or has in addition. The last layer of a
// Kelvin run is copied with its scale, in the order of the data's classes. If the classifier or the names of the classes differ, the model
// keeps its own last layer.
[[nodiscard]] WeightsReport load_initial_weights(const std::filesystem::path& path, bool allow_partial,
                                                 const Model& model, const Dataset& data);

[[nodiscard]] nlohmann::json to_json(const WeightsReport& report);

}  // namespace kelvin
