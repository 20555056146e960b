// Which model a weight file without metadata holds.
#pragma once

#include "engine/safetensors.h"
#include "models/model.h"

namespace kelvin {

// The model whose tensors are exactly the file's, by names and shapes: name, classes, channels and stem; the size of its images is not known from weights. Wrappers, normalisation
// constants and what training keeps beside a model do not count (models/wrappers.h). Throws a mistake that names the nearest model and what is
// different.
[[nodiscard]] ModelSpec recognise_model(const SafetensorsFile& file);

}  // namespace kelvin
