// Square attack (Andriushchenko et al. 2020, 1912.00049): random search that uses logits only, so vanishing gradients do not affect it. It
// starts from a pattern. Each query changes a window of side s of the best image so far and keeps the change if the margin
// z_y − max_{j≠y} z_j shrinks. The share of pixels p_i falls from p_init by the authors' schedule for 10 000 queries, which is not rescaled
// for other numbers of queries (as in AutoAttack).
//
//   L∞   starts from vertical stripes of ±ε; moves one square of side s = round(√(p_i·H·W)) by ±2ε in each channel, and projects
//   L2   starts from a grid of 5 x 5 bumps; moves the perturbation of one window (s odd, at least 3) into another as a new bump, together
//        with what is left of ε, and scales the whole to ‖x' − x‖₂ = ε (square_patterns.h)
//
// Windows and colours are drawn for each image; the authors draw one window for the whole batch. Deterministic.
#pragma once

#include "apps/attacks/member.h"
#include "apps/run/fields.h"
#include "engine/ops/attack_steps.h"

namespace kelvin {

struct AttackOptions;

struct SquareOptions {
  int queries = 5000;
  int restarts = 1;
  float p_init = 0.8f;
};
[[nodiscard]] Fields square_fields(SquareOptions& options);

[[nodiscard]] MemberResult square_attack(const Victim& victim, const ImageBatch& images, const AttackOptions& options,
                                         const SquareOptions& own);

// Side of the window at query i.
[[nodiscard]] std::int64_t square_side(Norm norm, float p_init, int i, std::int64_t height, std::int64_t width);

}  // namespace kelvin
