// The target class of each image of a targeted attack.
#pragma once

#include <vector>

#include "apps/attacks/attack.h"
#include "data/tensor_batch.h"

namespace kelvin {

// One class for each image of the batch; empty for untargeted attacks, and for attacks that try every class. A target is never the label,
// unless it is the class of Targeting::fixed. Random targets depend on the seed and the index in the set; likely and unlikely ones depend on the
// clean logits, which this computes.
[[nodiscard]] std::vector<std::int32_t> choose_targets(Model& model, const TensorBatch& batch,
                                                       const AttackOptions& options);

// The targets on the batch's device [n], or its labels if there are no targets.
[[nodiscard]] Tensor goals_of(const TensorBatch& batch, const std::vector<std::int32_t>& targets);

}  // namespace kelvin
