// FGSM and PGD (Madry et al. 2018, 1706.06083) with restarts and targets: every image runs to the end, on the device, so that one
// recorded iteration, replayed, is the whole attack on a GPU. The best iterate of all restarts is kept.
#pragma once

#include "apps/attacks/attack.h"

namespace kelvin {

// Like `attack`, for options.attack "fgsm" and "pgd" and any targeting but `all`.
[[nodiscard]] AttackResult pgd_attack(Model& model, const ImageSet& set, const AttackOptions& options,
                                      const AttackedBatchFunction& on_batch, const AttackProgress& progress);

}  // namespace kelvin
