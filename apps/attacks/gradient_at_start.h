// What is known before an attack changes an image: predictions, margins, and whether the gradient is zero.
#pragma once

#include <vector>

#include "apps/attacks/ascent.h"
#include "apps/attacks/attack.h"
#include "data/tensor_batch.h"

namespace kelvin {

// [N, C] -> int32 [N]; of equal logits the first class
[[nodiscard]] Tensor predictions_of(const Tensor& logits);

// The attack's loss for `look` and `ascend`. goal: int32 [N], labels or targets.
[[nodiscard]] RowLoss loss_of(AttackLoss loss, const Tensor& goal, double attack_tau);

// One record for each image of the batch, from the logits and gradients at the clean images. targets: empty if untargeted.
[[nodiscard]] std::vector<AttackedImage> describe_clean(const TensorBatch& batch, const GradientPoint& p,
                                                        const std::vector<std::int32_t>& targets);

// ‖a − b‖∞ and ‖a − b‖₂ of each image.
struct ImageDistances {
  std::vector<float> linf, l2;
};
[[nodiscard]] ImageDistances distances(const Tensor& a, const Tensor& b);

}  // namespace kelvin
