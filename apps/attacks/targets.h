// Which class a targeted attack drives each image to.
#pragma once

#include <vector>

#include "apps/attacks/attack.h"
#include "apps/evaluation/batches.h"

namespace kelvin {

// One class an image of the batch; none at all when untargeted, or when every class is to be tried. A target is never the label, unless it
// is the class that Targeting::fixed asks for. Random targets belong to the image (seed, position in the set); likely and unlikely
// ones are by the clean logits, for which the model is asked.
[[nodiscard]] std::vector<std::int32_t> choose_targets(Model& model, const TensorBatch& batch,
                                                       const AttackOptions& options);

// The targets on the batch's device [n], or its labels where there are none.
[[nodiscard]] Tensor goals_of(const TensorBatch& batch, const std::vector<std::int32_t>& targets);

}  // namespace kelvin
