// What the ranks of a parallel training must have in common. All functions are collective, and do nothing in one process.
#pragma once

#include <map>
#include <string>

#include "apps/training/train.h"
#include "models/model.h"

namespace kelvin {

// Throws a mistake that names the difference, unless all ranks have the same flags, data and weights, and there is an image of every batch for
// each. digests: of the data (data_digest.h).
void require_equal_ranks(const TrainOptions& options, const std::map<std::string, std::string>& digests,
                         std::int64_t training_images, const Model& model);
void require_equal_weights(const Model& model);

}  // namespace kelvin
