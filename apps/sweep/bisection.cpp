#include "apps/sweep/bisection.h"

#include <algorithm>
#include <cmath>

#include "apps/run/number_text.h"
#include "apps/sweep/table_format.h"

namespace kelvin {
namespace {

constexpr double kStride = 4;      // between values while only one end of the interval is known
constexpr double kFarthest = 1e6;  // from the axis's own values

double number_on(const std::string& axis, const std::string& label) {
  double value = 0;
  if (!read_number(label, value).empty() || value <= 0)
    throw mistake("bisect"_field, " ", axis, ": its values must be positive numbers, got ", label);
  return value;
}

// How the value is written in the cell's name and flags.
std::string label_of(double value) { return significant_digits(value, 4); }

std::vector<std::string> without(const std::vector<std::string>& values, std::size_t position) {
  std::vector<std::string> others = values;
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(position));
  return others;
}

bool is_known(const SweepRow& row) {
  return std::ranges::all_of(row.cells, [](const CellFigures& c) {
    return c.status == CellFigures::Status::done || c.status == CellFigures::Status::diverged;
  });
}

bool converges(const SweepRow& row) {
  return std::ranges::all_of(
      row.cells, [](const CellFigures& c) { return c.status == CellFigures::Status::done && c.has_converged; });
}

// The value to try next, if any. `least` and `most` are the axis's own.
std::optional<double> next_value(const Bracket& b, double least, double most) {
  if (b.converges && b.fails) {
    const double middle = std::sqrt(*b.converges * *b.fails);
    return *b.fails / *b.converges > kBisectionFactor ? std::optional(middle) : std::nullopt;
  }
  if (b.converges) return *b.converges < most * kFarthest ? std::optional(*b.converges * kStride) : std::nullopt;
  if (b.fails) return *b.fails > least / kFarthest ? std::optional(*b.fails / kStride) : std::nullopt;
  return {};
}

// The temperature of a setting, if the plan has an axis of that name.
std::optional<double> tau_of(const SweepPlan& plan, const Bracket& b) {
  const std::vector<Axis> axes = other_axes(plan.axes, *plan.bisected);
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (double tau = 0; axes[i].name == "tau" && read_number(b.values[i], tau).empty()) return tau;
  return {};
}

}  // namespace

void check_bisection(const SweepPlan& plan) {
  const std::string& axis = *plan.bisected;
  for (const AxisValue& value : plan.axes[axis_position(plan.axes, axis, "bisect")].values)
    (void)number_on(axis, value.label);
}

std::vector<Bracket> brackets_of(const SweepPlan& plan, const SweepTable& table) {
  const std::string& axis = *plan.bisected;
  const std::size_t position = axis_position(plan.axes, axis, "bisect");
  double least = HUGE_VAL, most = 0;
  for (const AxisValue& value : plan.axes[position].values) {
    least = std::min(least, number_on(axis, value.label));
    most = std::max(most, number_on(axis, value.label));
  }
  std::vector<Bracket> brackets;
  const auto bracket_of = [&](const SweepRow& row) -> Bracket& {
    const std::vector<std::string> others = without(row.values, position);
    const auto known = std::ranges::find(brackets, others, &Bracket::values);
    if (known != brackets.end()) return *known;
    brackets.push_back({.values = others, .converges = {}, .fails = {}, .next = {}});
    return brackets.back();
  };
  for (const SweepRow& row : table.rows)
    if (is_known(row) && !converges(row)) {
      Bracket& b = bracket_of(row);
      b.fails = std::min(b.fails.value_or(HUGE_VAL), number_on(axis, row.values[position]));
    }
  for (const SweepRow& row : table.rows) {
    Bracket& b = bracket_of(row);
    const double value = number_on(axis, row.values[position]);
    if (is_known(row) && converges(row) && value < b.fails.value_or(HUGE_VAL))
      b.converges = std::max(b.converges.value_or(0), value);
  }
  for (Bracket& b : brackets) b.next = next_value(b, least, most);
  for (const SweepRow& row : table.rows)
    if (!is_known(row)) bracket_of(row).next.reset();
  return brackets;
}

std::vector<Cell> next_cells(const SweepPlan& plan, const std::vector<Bracket>& brackets) {
  const std::size_t position = axis_position(plan.axes, *plan.bisected, "bisect");
  std::vector<Cell> cells;
  for (const Bracket& b : brackets) {
    if (!b.next) continue;
    std::vector<Axis> axes = plan.axes;
    for (std::size_t i = 0, other = 0; i < axes.size(); ++i) {
      if (i == position)
        axes[i].values = {
            {.label = label_of(*b.next), .flags = {{*plan.bisected, label_of(*b.next)}}, .logit_scales = {}}};
      else
        std::erase_if(axes[i].values, [&, label = b.values[other++]](const AxisValue& v) { return v.label != label; });
    }
    const std::vector<Cell> more = expand(axes, plan.train, plan.seeds);
    cells.insert(cells.end(), more.begin(), more.end());
  }
  return cells;
}

std::vector<Cell> in_order(const SweepPlan& plan, std::vector<Cell> cells) {
  const std::size_t position = axis_position(plan.axes, *plan.bisected, "bisect");
  const auto place = [&](const Cell& cell, std::size_t i) {
    if (i == position) return number_on(*plan.bisected, cell.values[i]);
    const std::vector<AxisValue>& values = plan.axes[i].values;
    return static_cast<double>(std::ranges::find(values, cell.values[i], &AxisValue::label) - values.begin());
  };
  std::ranges::stable_sort(cells, [&](const Cell& a, const Cell& b) {
    for (std::size_t i = 0; i < plan.axes.size(); ++i)
      if (i != position && place(a, i) != place(b, i)) return place(a, i) < place(b, i);
    return place(a, position) < place(b, position);
  });
  return cells;
}

std::string text_of(const SweepPlan& plan, const std::vector<Bracket>& brackets) {
  const std::vector<Axis> axes = other_axes(plan.axes, *plan.bisected);
  std::string text = str("Largest ", *plan.bisected, " at which training converges with every seed:\n");
  double lowest = HUGE_VAL, highest = 0;  // of converges / τ
  int with_tau = 0;
  for (const Bracket& b : brackets) {
    text += "  ";
    for (std::size_t i = 0; i < axes.size(); ++i)
      text += str(axes[i].name, " ", b.values[i], i + 1 < axes.size() ? ", " : ": ");
    text += b.converges ? str("converges at ", label_of(*b.converges)) : "none found that converges";
    text += b.fails ? str(", not at ", label_of(*b.fails)) : ", none found that does not";
    const std::optional<double> tau = tau_of(plan, b);
    if (tau && *plan.bisected == "lr" && b.converges && b.fails) {
      const double factor = flag_value(plan.train, "lr-times-tau", "false") == "true" ? *tau : 1;
      const double ratio = *b.converges * factor / *tau;
      text += str("; learning rates ", label_of(*b.converges * factor), " and ", label_of(*b.fails * factor),
                  ", over tau ", label_of(ratio), " and ", label_of(*b.fails * factor / *tau));
      lowest = std::min(lowest, ratio);
      highest = std::max(highest, ratio);
      ++with_tau;
    }
    text += "\n";
  }
  if (with_tau > 1)
    text += str("A rate proportional to tau would keep the quotient the same; here it differs by a factor of ",
                significant_digits(highest / lowest, 3), ".\n");
  return text;
}

Json to_json(const SweepPlan& plan, const std::vector<Bracket>& brackets) {
  Json settings = Json::array();
  for (const Bracket& b : brackets)
    settings.push_back({{"values", b.values},
                        {"converges", b.converges ? Json(*b.converges) : Json()},
                        {"fails", b.fails ? Json(*b.fails) : Json()}});
  return {{"axis", *plan.bisected}, {"factor", kBisectionFactor}, {"settings", settings}};
}

}  // namespace kelvin
