// The weights that train --init starts from.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "models/weights.h"

namespace kelvin {

// Copies a file's weights into the model; the report's notes name whatever the file lacked or brought besides. The last layer of a run of
// ours is what its classifier and its scale make of it, in the order of the data's classes. It starts anew where the run's classes have
// other names.
[[nodiscard]] WeightsReport load_initial_weights(const std::filesystem::path& path, bool allow_partial,
                                                 const Model& model, const Dataset& data);

[[nodiscard]] nlohmann::json to_json(const WeightsReport& report);

}  // namespace kelvin
