// What the claims share: the temperatures that are compared, and numbers in words. Only claims.cpp and claim_*.cpp use it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/report/claims.h"
#include "apps/report/run_figures.h"

namespace kelvin::claim_parts {

using Runs = std::vector<RunResults>;  // by temperature

inline constexpr double kClaimLevel = 0.05;

// The runs of which something was measured, and a part of their recipes besides τ, seed and learning rate that differs; empty if none does.
struct Measured {
  Runs runs;
  std::string other_difference;
};
[[nodiscard]] Measured measured(const Runs& all, const std::function<bool(const RunResults&)>& has);

// The runs at the temperature nearest to `tau` on a logarithmic scale.
[[nodiscard]] Runs runs_at(const Runs& runs, double tau);

// The runs at 1, or the temperature nearest to it, and at the highest one; or at the middle one above 1, on a logarithmic scale. Both are empty
// unless the second temperature is above 1 and above the first.
struct TwoTaus {
  Runs one, high;
};
[[nodiscard]] TwoTaus two_taus(const Runs& runs, bool is_middle = false);

[[nodiscard]] std::string signed_points(double share);  // "+12.5", "−0.3", "0.0"
[[nodiscard]] std::string interval_text(const MeanDifference& d);
[[nodiscard]] std::string p_text(double p);  // "p = 0.017", "p < 0.001"

// One claim each.
[[nodiscard]] Claim step_size(const Runs& runs);    // claim_formulas.cpp
[[nodiscard]] Claim direction(const Runs& runs);    // claim_formulas.cpp
[[nodiscard]] Claim distances(const Runs& runs);    // claim_formulas.cpp
[[nodiscard]] Claim corruptions(const Runs& runs);  // claim_accuracies.cpp
[[nodiscard]] Claim untargeted(const Runs& runs);   // claim_attacks.cpp
[[nodiscard]] Claim targeted(const Runs& runs);     // claim_attacks.cpp
[[nodiscard]] Claim clean(const Runs& runs);        // claim_accuracies.cpp

}  // namespace kelvin::claim_parts
