#include "apps/sweep/choice.h"

#include <algorithm>

#include "apps/evaluation/percent.h"
#include "kernels/device/listed.h"

namespace kelvin {

SweepPlan choosing_plan(const SweepPlan& plan) {
  (void)axis_position(plan.axes, plan.choice->axis, "choose");
  const std::string held_out = flag_value(plan.train, "validation", "0");
  if (held_out == "0")
    throw mistake("choose"_field, " ", plan.choice->axis, " needs images to choose on: add ", "validation"_field, " N");
  for (const std::uint64_t seed : plan.choice->seeds)
    if (std::find(plan.seeds.begin(), plan.seeds.end(), seed) != plan.seeds.end())
      throw mistake("choose-seeds"_field, ": seed ", seed, " is one of ", "seeds"_field,
                    "; what is reported needs fresh ones");
  SweepPlan choosing = plan;
  choosing.title = str("Choice of ", plan.choice->axis, " on held-out images");
  choosing.choice.reset();
  choosing.baseline.reset();
  choosing.seeds = plan.choice->seeds;
  choosing.measure.kinds = plan.choice->kinds;
  choosing.measure.held_out = true;
  return choosing;
}

std::vector<ChosenValue> choose(const SweepPlan& plan, const SweepTable& table) {
  const std::size_t position = axis_position(plan.axes, plan.choice->axis, "choose");
  const std::vector<AxisValue>& candidates = plan.axes[position].values;
  std::vector<ChosenValue> choices;
  for (const SweepRow& row : table.rows) {
    std::vector<std::string> others = row.values;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(position));
    auto known = std::find_if(choices.begin(), choices.end(), [&](const auto& c) { return c.values == others; });
    if (known == choices.end()) known = choices.insert(known, {.values = others, .chosen = {}, .accuracy = -1});
    ChosenValue& choice = *known;
    const auto figure = row.figures.find(plan.choice->by);
    if (figure == row.figures.end() || figure->second.n < static_cast<int>(row.cells.size())) continue;
    if (figure->second.mean <= choice.accuracy) continue;
    const auto value = std::find_if(candidates.begin(), candidates.end(),
                                    [&](const AxisValue& v) { return v.label == row.values[position]; });
    choice.chosen = *value;
    choice.accuracy = figure->second.mean;
    choice.is_at_edge = candidates.size() > 1 && (value == candidates.begin() || value == candidates.end() - 1);
  }
  for (const ChosenValue& c : choices)
    if (c.accuracy < 0)
      throw mistake("choose"_field, " ", plan.choice->axis, ": every value diverged or failed with some seed for ",
                    listed(c.values), "; try other values");
  return choices;
}

std::vector<Cell> chosen_cells(const SweepPlan& plan, const std::vector<ChosenValue>& choices) {
  std::vector<Cell> cells = expand(other_axes(plan.axes, plan.choice->axis), plan.train, plan.seeds);
  for (Cell& cell : cells)
    for (const ChosenValue& c : choices)
      if (c.values == cell.values) {
        for (const Flag& flag : c.chosen.flags) set_flag(cell.flags, flag);
        cell.label += str(" (", plan.choice->axis, " ", c.chosen.label, ")");
      }
  return cells;
}

std::string text_of(const SweepPlan& plan, const std::vector<ChosenValue>& choices) {
  std::string text = str("Chosen on held-out images with seeds ",
                         listed(plan.choice->seeds, [](std::uint64_t s) { return std::to_string(s); }), ":\n");
  for (const ChosenValue& c : choices) {
    text += "  ";
    const std::vector<Axis> axes = other_axes(plan.axes, plan.choice->axis);
    for (std::size_t i = 0; i < c.values.size(); ++i) text += str(axes[i].name, " ", c.values[i], ", ");
    text += str(plan.choice->axis, " ", c.chosen.label, ": ", percent(c.accuracy),
                plan.choice->by == "clean" ? " of them right" : " of them right under PGD on log-odds",
                c.is_at_edge ? " (at the edge of the grid: a better value may lie beyond)" : "", "\n");
  }
  return text;
}

Json to_json(const SweepPlan& plan, const std::vector<ChosenValue>& choices, const SweepTable& table) {
  Json settings = Json::array();
  for (const ChosenValue& c : choices)
    settings.push_back({{"values", c.values},
                        {"chosen", c.chosen.label},
                        {"held_out_accuracy", c.accuracy},
                        {"is_at_edge", c.is_at_edge}});
  return {{"axis", plan.choice->axis},
          {"by", plan.choice->by},
          {"seeds", plan.choice->seeds},
          {"settings", settings},
          {"table", to_json(table)}};
}

}  // namespace kelvin
