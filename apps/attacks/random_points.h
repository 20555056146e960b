// Random points on the surface of the ball – in L∞ its corners – with no search at all: the plainest question to a robustness. An
// adversarial image that chance finds and a gradient attack missed says that the gradients are of no use (Athalye et al. 2018;
// Carlini et al. 2019 ask for 10 000 and more draws an image).
#pragma once

#include "apps/attacks/member.h"
#include "engine/ops/attack_steps.h"

namespace kelvin {

struct RandomPointsOptions {
  Norm norm = Norm::linf;
  float eps = 8.0f / 255.0f;
  int queries = 10000;  // an image; one that is found leaves
  std::uint64_t seed = 0;
};

// L∞: x ± ε in every pixel; L2: a uniform direction of length ε. Both clipped to [0, 1]. Deterministic.
[[nodiscard]] MemberResult random_points(const Victim& victim, const ImageBatch& images,
                                         const RandomPointsOptions& options);

}  // namespace kelvin
