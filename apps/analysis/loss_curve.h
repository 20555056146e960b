// How an attack's loss climbs, step by step: the picture of whether PGD has converged, or never moved (Pintor et al. 2022, 2106.09947).
#pragma once

#include <vector>

#include "apps/attacks/attack.h"

namespace kelvin {

struct LossCurve {
  std::vector<double> mean_loss;  // [steps + 1]: over the images, of the highest loss so far; the first is at the start
  std::vector<bool> climbed;      // an image each: the loss rose above its start
  // Of the images that climbed: mean share of their climb that came in the last ten steps (the last half where there are fewer than
  // 20 steps). Pintor et al. call an attack incomplete above 0.05.
  double late_share = 0;
};

// PGD on options.loss at options.attack_tau from a random start on the first `n_images` of the set, clean errors included.
[[nodiscard]] LossCurve loss_curve(Model& model, const ImageSet& set, const AttackOptions& options,
                                   std::int64_t n_images);

}  // namespace kelvin
