// Random points on the surface of the ball – in L∞ its corners – with no search at all: the plainest question to a robustness. An
// adversarial image that chance finds and a gradient attack missed says that the gradients are of no use (Athalye et al. 2018;
// Carlini et al. 2019 ask for 10 000 and more draws an image).
#pragma once

#include "apps/attacks/member.h"
#include "apps/run/fields.h"

namespace kelvin {

struct AttackOptions;

struct RandomPointsOptions {
  int queries = 5000;  // an image; one that is found leaves
};
[[nodiscard]] Fields random_points_fields(RandomPointsOptions& options);

// L∞: x ± ε in every pixel; L2: a uniform direction of length ε. Both clipped to [0, 1]. Deterministic.
[[nodiscard]] MemberResult random_points(const Victim& victim, const ImageBatch& images, const AttackOptions& options,
                                         const RandomPointsOptions& own);

}  // namespace kelvin
