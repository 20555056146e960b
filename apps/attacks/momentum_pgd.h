// PGD with momentum on the images that are not broken yet: MI-FGSM (Dong et al. 2018, 1710.06081). With decay 0 it is plain PGD; on Carlini &
// Wagner's margin loss the adversarial-training literature calls that "C&W L∞".
//
//   ĝ = g / mean|g|;  m ← decay·m + ĝ;  x ← Π(x ± step·sign(m))     L2: step·m/‖m‖₂
//
// A zero gradient cannot be divided by its mean. It adds nothing, and without momentum the image does not move. (A division would fill the
// image with NaN, which later comparisons count as robust.) With Targeting::all it descends the loss of one other class after another, and any
// misclassification is a success ("all targets, worst case" with C − 1). If the batch has targets it descends their loss, and reaching them is a
// success. An image leaves at its first success. Deterministic.
#pragma once

#include "apps/attacks/member.h"
#include "apps/attacks/pgd_options.h"

namespace kelvin {

struct AttackOptions;

[[nodiscard]] MemberResult momentum_pgd(const Victim& victim, const ImageBatch& images, const AttackOptions& options,
                                        const PgdAttackOptions& own);

}  // namespace kelvin
