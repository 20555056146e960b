// Runs a list of attacks, each on the images that are still robust: AutoAttack (Croce & Hein 2020, 2003.01690), and every attack that is a
// single member. The result is the per-image minimum over the members.
#pragma once

#include "apps/attacks/attack.h"
#include "apps/attacks/member.h"

namespace kelvin {

// Runs the members and reports AutoAttack's flags as warnings: outputs that vary between passes or are probabilities, first gradients that
// are exactly zero, and Square lowering the accuracy by more than 0.2 points. (The reference's other flag, gradients inside the forward
// pass, does not apply: models here are fixed networks.)
[[nodiscard]] AttackResult run_members(Model& model, const ImageSet& set, const AttackOptions& options,
                                       const std::vector<Member>& members, const AttackedBatchFunction& on_batch,
                                       const AttackProgress& progress);

}  // namespace kelvin
