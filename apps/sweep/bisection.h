// The largest value of one axis (the learning rate) at which training converges, for each setting of the other axes. Training converges at a
// value if it neither diverges nor counts as not converged (apps/training/convergence.h) with any seed.
//
// From the axis's own values the search goes up or down by factors of 4 until it has one value that converges and a larger one that does not.
// Then it halves that interval in the logarithm until its ends differ by a factor of at most kBisectionFactor. It takes for granted that a value
// below one that converges does so, too. Every value is a cell of the sweep: a search that was killed continues.
#pragma once

#include "apps/sweep/presets.h"

namespace kelvin {

inline constexpr double kBisectionFactor = 1.25;

struct Bracket {
  std::vector<std::string> values;  // of the other axes
  std::optional<double> converges;  // the largest value that does, below `fails`; empty: none was found
  std::optional<double> fails;      // the smallest value that does not
  std::optional<double> next;       // the value to try; empty: the search of this setting is over
};

// Throws a mistake if the plan has no such axis, or if a value of it is no positive number.
void check_bisection(const SweepPlan& plan);

// What the cells of the table say so far. A setting with a cell that failed or is missing is not searched on.
[[nodiscard]] std::vector<Bracket> brackets_of(const SweepPlan& plan, const SweepTable& table);

// The cells with the next values. Empty: the search is over.
[[nodiscard]] std::vector<Cell> next_cells(const SweepPlan& plan, const std::vector<Bracket>& brackets);

// In the order of the settings, then of the searched axis.
[[nodiscard]] std::vector<Cell> in_order(const SweepPlan& plan, std::vector<Cell> cells);

// A line for each setting; with an axis tau and the axis lr also the learning rates at both ends (`lr-times-tau` counted in), these over τ, and
// how much the latter differ between the settings.
[[nodiscard]] std::string text_of(const SweepPlan& plan, const std::vector<Bracket>& brackets);
// {"axis", "factor", "settings": [{"values", "converges", "fails"}]}
[[nodiscard]] Json to_json(const SweepPlan& plan, const std::vector<Bracket>& brackets);

}  // namespace kelvin
