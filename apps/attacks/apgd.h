// Auto-PGD (Croce & Hein 2020, 2003.01690, algorithm 1): PGD with momentum whose step size is halved, image by image, when progress
// stalls. Constants and order of operations follow the authors' code, including its quirk at the first checkpoint: a step whose loss is
// positive counts as an increase.
//
//   z        = Π(x_i + η·sign(g_i))                          L2: η·g_i/‖g_i‖₂
//   x_{i+1}  = Π(x_i + a(z − x_i) + (1 − a)(x_i − x_{i−1}))  a = 1 for i = 0, 0.75 afterwards;  Π: ball, then [0, 1]
//
// Losses to ascend: AttackOptions::loss at attack_tau, or with `targets` > 0 the targeted DLR towards the classes ranked 2nd, 3rd, ... by the
// clean logits, one run each (APGD-T). An image leaves the batch at its first misclassification. Deterministic.
#pragma once

#include "apps/attacks/member.h"
#include "apps/run/fields.h"

namespace kelvin {

struct AttackOptions;

struct ApgdOptions {
  int steps = 100;
  int restarts = 1;
  int targets = 0;    // 0: untargeted; else the number of target classes, at most C − 1
  float rho = 0.75f;  // share of steps that must increase the loss for the step size to stay
  int eot = 1;        // number of forward passes whose gradients are averaged, for models that draw random numbers
};
[[nodiscard]] Fields apgd_fields(ApgdOptions& options);

[[nodiscard]] MemberResult apgd(const Victim& victim, const ImageBatch& images, const AttackOptions& options,
                                const ApgdOptions& own);

// The iterations after which the step size may halve: 22, 41, 57, 70, 80, 87, 93, 99 for 100 steps.
[[nodiscard]] std::vector<int> apgd_checkpoints(int steps);

}  // namespace kelvin
