// Carlini & Wagner's L2 attack (2017, 1608.04644): the smallest change that fools the model, by gradient descent on
//
//   ‖x' − x‖₂² + c·max(z_y − max_{j≠y} z_j + κ, 0),     x' = (tanh(v) + 1)/2      towards a target t: max(max_{j≠t} z_j − z_t + κ, 0)
//
// with Adam, and binary search for the constant c of each image: success lowers the upper end of c, failure raises its lower end, and c is
// multiplied by 10 while no upper end is known. Adam restarts at every c. An image that has succeeded at this c stops early when its cost has
// not fallen by 0.01 % over a tenth of the steps. (The authors' code applies that test to the sum over the batch; then results would depend
// on the batch.) Success requires a lead larger than rounding (1e-4 of the largest logit).
// c weighs logits against squared pixels: for a model whose logits are s times larger, c_start/s gives the same attack. With nine search
// steps from 1e-3 the start hardly matters. An image is broken if an adversarial image with ‖x' − x‖₂ ≤ ε was found.
#pragma once

#include "apps/attacks/member.h"
#include "apps/run/fields.h"

namespace kelvin {

struct AttackOptions;

struct CarliniWagnerOptions {
  int steps = 1000;
  int search_steps = 9;
  float c_start = 1e-3f;
  float learning_rate = 1e-2f;
  float confidence = 0;  // κ, in logits
};
[[nodiscard]] Fields carlini_wagner_fields(CarliniWagnerOptions& options);

// distance[i]: the smallest L2 distance of an adversarial image, infinite if none was found.
[[nodiscard]] MemberResult carlini_wagner_l2(const Victim& victim, const ImageBatch& images,
                                             const AttackOptions& options, const CarliniWagnerOptions& own);

}  // namespace kelvin
