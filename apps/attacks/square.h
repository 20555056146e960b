// Square attack, L∞ (Andriushchenko et al. 2020, 1912.00049): random search that looks at logits only, so it cannot be fooled by
// vanishing gradients.
//
// Starts from vertical stripes of ±ε; query i recolours one random square of side round(√(p_i·H·W)) with ±2ε a channel around
// the best image so far, projects, and keeps it where the margin z_y − max_{j≠y} z_j shrinks. p_i falls from p_init by
// the authors' schedule for 10 000 queries, not rescaled (as AutoAttack runs it). Squares and colours belong to the image; the
// authors draw one for the whole batch.
#pragma once

#include "apps/attacks/member.h"

namespace kelvin {

struct SquareOptions {
  float eps = 8.0f / 255.0f;
  int queries = 5000;
  int restarts = 1;
  float p_init = 0.8f;
  std::uint64_t seed = 0;
};

[[nodiscard]] MemberResult square_attack(const Victim& victim, const ImageBatch& images, const SquareOptions& options);

// Side of the square at query i.
[[nodiscard]] std::int64_t square_side(float p_init, int i, std::int64_t height, std::int64_t width);

}  // namespace kelvin
