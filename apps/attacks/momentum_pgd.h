// PGD with momentum on the images still standing: MI-FGSM (Dong et al. 2018, 1710.06081), and with decay 0 plain PGD, which as
// the adversarial-training literature runs Carlini & Wagner's margin loss is its "C&W L∞".
//
//   ĝ = g / mean|g|;  m ← decay·m + ĝ;  x ← Π(x ± step·sign(m))     L2: step·m/‖m‖₂
//
// A zero gradient has no mean to divide by: it adds nothing, and with no momentum the image stays where it is (dividing anyway
// would fill it with NaN, which every later comparison calls robust). With Targeting::all it descends the loss of one other class after
// another and any misclassification counts ("all targets, worst case" with C − 1). An image leaves at its first
// success. Where the batch names targets it descends the loss of those, and reaching them is success. Deterministic.
#pragma once

#include "apps/attacks/member.h"
#include "apps/attacks/pgd_options.h"

namespace kelvin {

struct AttackOptions;

[[nodiscard]] MemberResult momentum_pgd(const Victim& victim, const ImageBatch& images, const AttackOptions& options,
                                        const PgdAttackOptions& own);

}  // namespace kelvin
