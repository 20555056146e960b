// What is known before an attack moves: predictions, margins, and whether there is a gradient to follow at all.
#pragma once

#include <vector>

#include "apps/attacks/ascent.h"
#include "apps/attacks/attack.h"
#include "apps/evaluation/batches.h"

namespace kelvin {

// [N, C] -> int32 [N], the first of equals
[[nodiscard]] Tensor predictions_of(const Tensor& logits);

// The attack's loss, as `look` and `ascend` take it. goal: int32 [N], labels or targets.
[[nodiscard]] RowLoss loss_of(AttackLoss loss, const Tensor& goal, double attack_tau);

// One record an image of the batch, from a look at the clean images.
[[nodiscard]] std::vector<AttackedImage> describe_clean(const TensorBatch& batch, const GradientPoint& p,
                                                        const std::vector<std::int32_t>& targets, bool is_targeted);

// Of each image: ‖a − b‖∞ and ‖a − b‖₂.
struct ImageDistances {
  std::vector<float> linf, l2;
};
[[nodiscard]] ImageDistances distances(const Tensor& a, const Tensor& b);

}  // namespace kelvin
