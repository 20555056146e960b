// Fast adaptive boundary attack, L∞ and L2 (Croce & Hein 2020, 1907.02044): searches for the closest image on the other side of the decision
// boundary by projections onto the linearised boundary. An image counts as broken if that distance is at most ε.
//
// Each iteration at x₁ (original x₀): f = z_t − z_y, w = ∇f, the hyperplane w·u = w·x₁ − f; d₁, d₂ = the smallest moves of x₁ and
// x₀ onto it within [0, 1]; α = min(‖d₁‖/(‖d₁‖+‖d₂‖), α_max); x₁ ← clip((1−α)(x₁ + η d₁) + α(x₀ + η d₂)). A misclassified x₁ is kept if it
// is closer than the best, then pulled back: x₁ ← x₀ + β(x₁ − x₀). FAB-T runs once for each target t: the classes ranked 2nd, 3rd, ... by
// the clean logits. Untargeted FAB chooses the class with the smallest |f|/‖w‖ in every iteration (‖·‖₁ in L∞, ‖·‖₂ in L2), which takes C − 1
// gradients. Unlike the authors' code, an image leaves as soon as an image within ε is found, unless `minimise` asks for the distance.
#pragma once

#include "apps/attacks/member.h"
#include "apps/run/fields.h"

namespace kelvin {

struct AttackOptions;

struct FabOptions {
  int steps = 100;
  int restarts = 1;
  int targets = 0;  // 0: untargeted; else the number of target classes, at most C − 1
  float alpha_max = 0.1f, eta = 1.05f, beta = 0.9f;
  bool minimise = true;
};
[[nodiscard]] Fields fab_fields(FabOptions& options);

[[nodiscard]] MemberResult fab(const Victim& victim, const ImageBatch& images, const AttackOptions& options,
                               const FabOptions& own);

}  // namespace kelvin
