// Ready-made sweeps. A preset only sets defaults; flags of the request override them.
//
//   paper        eight temperatures: clean, corruptions, the paper's attacks, and the sound columns beside them
//   adversarial  PGD adversarial training at τ = 1 and 10, measured like paper: a comparison with real robustness
//   lr-boundary  learning rate × τ, with and without --lr-times-tau: where training stops converging
//   controls     the causes of τ's effect: the reparametrised head, τ = 1 with its logits multiplied, label smoothing, a cosine
//                classifier, each attacked with PGD on cross-entropy and on log-odds
//   synthetic    an mlp on Gaussian classes: the mechanism alone, in a minute
#pragma once

#include <optional>

#include "apps/sweep/table.h"

namespace kelvin {

struct SweepPlan {
  std::string title;
  std::vector<Axis> axes;
  Flags train;  // of every cell
  std::vector<std::uint64_t> seeds = {0};
  MeasureRequest measure;
  std::optional<Baseline> baseline;
  std::vector<std::string> family;  // Family::columns
  double margin = 0.02;             // Family::margin
};

[[nodiscard]] SweepPlan preset(const std::string& name);  // throws a mistake: unknown

}  // namespace kelvin
