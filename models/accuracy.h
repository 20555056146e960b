// How often a model is right.
#pragma once

#include "models/model.h"

namespace kelvin {

// How many of the images [N, H, W, C] in [0, 1] have their label [N] int32 as the largest logit, in evaluation mode; one forward pass, read back
// to the host.
[[nodiscard]] std::int64_t correct_predictions(Model& model, const Tensor& images, const Tensor& labels);

// The share of them in [0, 1]: clean accuracy, or robust accuracy where the images are those of an attack. Passes of at most 256 images, so that
// a whole set may be given. Deterministic.
[[nodiscard]] double accuracy_of(Model& model, const Tensor& images, const Tensor& labels);

}  // namespace kelvin
