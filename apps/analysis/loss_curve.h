// The loss of an attack step by step. It shows whether PGD has converged or never moved (Pintor et al. 2022, 2106.09947).
#pragma once

#include <vector>

#include "apps/attacks/attack.h"

namespace kelvin {

struct LossCurve {
  std::vector<double> mean_loss;  // [steps + 1]: over the images, of the highest loss so far; the first is at the start
  std::vector<bool> climbed;      // for each image: the loss rose above its start
  // Over the images whose loss climbed: the mean share of the climb in the last ten steps (in the last half of fewer than 20 steps).
  // Pintor et al. call an attack incomplete above 0.05.
  double late_share = 0;
};

// PGD on options.loss at options.attack_tau from a random start on the first `n_images` of the set, clean errors included.
[[nodiscard]] LossCurve loss_curve(Model& model, const ImageSet& set, const AttackOptions& options,
                                   std::int64_t n_images);

}  // namespace kelvin
