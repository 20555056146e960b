// A fair comparison: the value of one axis (the learning rate) is chosen for each setting of the other axes on held-out images, with seeds of
// its own. Then the chosen settings are trained again with fresh seeds and measured once on the test half. Each setting has the same number of
// trainings for its choice, and neither the test images nor the seeds that are reported take part in it.
//
// Out: OUT/choice is a sweep of its own (all values of the axis, measured on the images that `validation` holds out); OUT holds the cells of
// the chosen settings.
#pragma once

#include "apps/sweep/presets.h"

namespace kelvin {

// The sweep of the choice. Throws a mistake if the plan has no such axis, holds out no images, or uses a seed of the choice again.
[[nodiscard]] SweepPlan choosing_plan(const SweepPlan& plan);

struct ChosenValue {
  std::vector<std::string> values;  // of the other axes
  AxisValue chosen;
  double accuracy = 0;      // Choice::by on the held-out images, mean over the seeds of the choice
  bool is_at_edge = false;  // the first or the last value of its axis: a better one may lie beyond
};

// The value with the highest mean accuracy (Choice::by), of equal ones the first. A value counts only if every seed finished: one that diverges with
// some seeds is not chosen. Throws a mistake if a setting has no such value. `table` is that of choosing_plan(plan).
[[nodiscard]] std::vector<ChosenValue> choose(const SweepPlan& plan, const SweepTable& table);

// The cells of the chosen settings. The axis of the choice is no axis of theirs: folders and values are named without it, labels name it.
[[nodiscard]] std::vector<Cell> chosen_cells(const SweepPlan& plan, const std::vector<ChosenValue>& choices);

// One line a setting: the value, its accuracy, and whether it lies at the edge.
[[nodiscard]] std::string text_of(const SweepPlan& plan, const std::vector<ChosenValue>& choices);
// {"axis", "seeds", "settings": [{"values", "chosen", "held_out_accuracy", "is_at_edge"}], "table": the table of the choice}
[[nodiscard]] Json to_json(const SweepPlan& plan, const std::vector<ChosenValue>& choices, const SweepTable& table);

}  // namespace kelvin
