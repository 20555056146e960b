// Carlini & Wagner's L2 attack (2017, 1608.04644): the smallest change that fools the model, by gradient descent on
//
//   ‖x' − x‖₂² + c·max(z_y − max_{j≠y} z_j + κ, 0),     x' = (tanh(v) + 1)/2      towards a target t: max(max_{j≠t} z_j − z_t + κ, 0)
//
// with Adam, and binary search for the constant c of each image: success lowers c's upper end, failure raises its lower end
// (times 10 while no upper end is known). Adam starts afresh at every c. An image that has succeeded at this c stops early when its
// cost has not fallen by 0.01 % over a tenth of the steps; the authors' code sums that test over the batch, which would make results
// depend on the batch. Success asks for a lead beyond rounding (1e-4 of the largest logit).
// c trades squared pixels against logits: for a model whose logits are s times larger, c_start/s is the same attack; with nine
// search steps from 1e-3 the start hardly matters. Broken means: an adversarial image was found with ‖x' − x‖₂ ≤ ε.
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

// distance[i]: the smallest L2 distance of an adversarial image found, infinite where none was.
[[nodiscard]] MemberResult carlini_wagner_l2(const Victim& victim, const ImageBatch& images,
                                             const AttackOptions& options, const CarliniWagnerOptions& own);

}  // namespace kelvin
