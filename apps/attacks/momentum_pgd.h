// PGD with momentum on the images still standing: MI-FGSM (Dong et al. 2018, 1710.06081), and with decay 0 plain PGD, which as
// the adversarial-training literature runs Carlini & Wagner's margin loss is its "C&W L∞".
//
//   ĝ = g / mean|g|;  m ← decay·m + ĝ;  x ← Π(x ± step·sign(m))     L2: step·m/‖m‖₂
//
// A zero gradient has no mean to divide by: it adds nothing, and with no momentum the image stays where it is (dividing anyway
// would fill it with NaN, which every later comparison calls robust). With `targets` it descends the loss of one other class after
// another and any misclassification counts ("all targets, worst case" with C − 1). An image leaves at its first
// success. Where the batch names targets it descends the loss of those, and reaching them is success. Deterministic.
#pragma once

#include "apps/attacks/attack.h"
#include "apps/attacks/member.h"

namespace kelvin {

struct MomentumPgdOptions {
  Norm norm = Norm::linf;
  float eps = 8.0f / 255.0f, step = 2.0f / 255.0f;
  int steps = 10, restarts = 1;
  float decay = 1;
  bool random_start = false;
  AttackLoss loss = AttackLoss::cross_entropy;
  double attack_tau = 1;
  int targets =
      0;  // 0: untargeted; else towards as many classes by rank of the clean logits, any misclassification counts
  std::uint64_t seed = 0;
};

[[nodiscard]] MemberResult momentum_pgd(const Victim& victim, const ImageBatch& images,
                                        const MomentumPgdOptions& options);

}  // namespace kelvin
