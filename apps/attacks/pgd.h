// FGSM and PGD (Madry et al. 2018, 1706.06083) with restarts and targets. The best iterate of all restarts is kept: the first that
// succeeds, before that the one of highest loss. An image that has succeeded is finished, and returned as it then was: on the CPU it
// leaves the batch, on a GPU it stays, so that one recorded iteration is replayed for every batch and restart; the answers are the same.
// With last_iterate every image runs to the end. Each returned image is classified once more, and that answer is reported.
#pragma once

#include "apps/attacks/attack.h"

namespace kelvin {

// Like `attack`, for options.attack "fgsm" and "pgd" and any targeting but `all`.
[[nodiscard]] AttackResult pgd_attack(Model& model, const ImageSet& set, const AttackOptions& options,
                                      const AttackedBatchFunction& on_batch, const AttackProgress& progress);

}  // namespace kelvin
