// Ready-made sweeps. A preset only sets defaults; flags of the request override them.
//
//   temperatures  the paper's eight temperatures: clean, corruptions, the usual attacks, and the sound columns beside them
//   lr-fair       each temperature at the learning rate that held-out images choose, then fresh seeds
//   controls      the causes of τ's effect: the reparametrised head, τ = 1 with its logits multiplied, label smoothing, a cosine
//                 classifier, each attacked with PGD on cross-entropy and on log-odds
//   adversarial   PGD adversarial training at τ = 1 and 10, measured like temperatures: a comparison with real robustness
//   targeted      targeted and untargeted attacks on the same images
//   onset         PGD's accuracy against margin over threshold, over temperatures, logit scales and formats
//   a-a           one recipe in two parametrisations: what the tests find where there is nothing
//   head-2x2      head initialisation × head learning rate, each at its best rate
//   trades-tau    τ of the cross-entropy × τ of the KL term in TRADES, β chosen for each
//   at-50         adversarial training at three temperatures: rate chosen, epoch kept by robust accuracy
//   vit           a small vision transformer and ResNet-20, SGD and Adam, each at its best rate
//   distance      median distance to the decision boundary, and the geometry of the features
//   resnet20-confirm  lr-fair once more with ResNet-20 and all training images
//   lr-boundary   the largest learning rate at which each temperature converges
//   synthetic     an mlp on Gaussian classes: the mechanism alone, in a minute
#pragma once

#include <optional>

#include "apps/sweep/table.h"

namespace kelvin {

// The values of one axis are compared on held-out images before the seeds of the plan are trained (choice.h).
struct Choice {
  std::string axis;
  std::vector<std::uint64_t> seeds = {100, 101};
  std::string by = "clean";                    // the column that decides; `kinds` must measure it
  std::vector<std::string> kinds = {"clean"};  // what is measured on the held-out images
};

struct SweepPlan {
  std::string title;
  std::vector<Axis> axes;
  Flags train;  // of every cell
  std::vector<std::uint64_t> seeds = {0};
  MeasureRequest measure;
  std::optional<Baseline> baseline;
  std::optional<Choice> choice;
  std::optional<std::string> bisected;  // the axis whose largest value that converges is searched (bisection.h)
  std::vector<std::string> family;      // Family::columns
  double margin = 0.02;                 // Family::margin
};

[[nodiscard]] SweepPlan preset(const std::string& name);  // throws a mistake: unknown
[[nodiscard]] std::vector<std::string> preset_names();

}  // namespace kelvin
