// Random points on the surface of the ball, in L∞ its corners, without any search: the simplest test of robustness. If it finds an adversarial
// image that a gradient attack missed, the gradients are not useful (Athalye et al. 2018; Carlini et al. 2019 recommend at least 10 000 draws
// for each image).
#pragma once

#include "apps/attacks/member.h"
#include "apps/run/fields.h"

namespace kelvin {

struct AttackOptions;

struct RandomPointsOptions {
  int queries = 5000;  // for each image, until an adversarial one is found
};
[[nodiscard]] Fields random_points_fields(RandomPointsOptions& options);

// L∞: x ± ε in every pixel; L2: a uniform direction of length ε. Both clipped to [0, 1]. Deterministic.
[[nodiscard]] MemberResult random_points(const Victim& victim, const ImageBatch& images, const AttackOptions& options,
                                         const RandomPointsOptions& own);

}  // namespace kelvin
