#include "apps/cli/sweep_flags.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "apps/attacks/settings.h"
#include "apps/sweep/bisection.h"
#include "kernels/device/listed.h"

namespace kelvin {

SweepPlan plan_of(const SweepFlags& f, const CommonOptions& common) {
  SweepPlan plan;
  if (!f.preset.empty()) plan = preset(f.preset);
  for (const auto& [name, value] : f.train) set_flag(plan.train, {name, value});
  for (const std::string& text : f.set) set_flag(plan.train, parse_flag(text));
  std::set<std::string> fixed;
  for (const auto& [name, value] : f.train) fixed.insert(name);
  std::erase_if(plan.axes,
                [&](const Axis& axis) { return fixed.contains(axis.name); });  // --tau 50 takes the axis's place
  if (plan.choice && fixed.contains(plan.choice->axis)) plan.choice.reset();
  if (plan.bisected && fixed.contains(*plan.bisected)) plan.bisected.reset();
  for (const std::string& text : f.grid) {
    const Axis axis = parse_axis(text);
    const auto same =
        std::find_if(plan.axes.begin(), plan.axes.end(), [&](const Axis& a) { return a.name == axis.name; });
    if (same == plan.axes.end())
      plan.axes.push_back(axis);
    else
      *same = axis;
  }
  if (!f.variants.empty()) {
    Axis axis{"variant", {}};
    for (const std::string& text : f.variants) axis.values.push_back(parse_variant(text));
    std::erase_if(plan.axes, [](const Axis& a) { return a.name == "variant"; });
    plan.axes.push_back(axis);
    if (f.baseline.empty()) plan.baseline = Baseline{"variant", axis.values.front().label};
  }
  if (plan.axes.empty() && f.seeds.empty())
    throw mistake("nothing to sweep over: give --preset NAME, --grid FLAG=V1,V2 or --seeds");
  if (!f.seeds.empty()) plan.seeds = parse_seeds(f.seeds);
  if (!f.choose.empty()) plan.choice = Choice{.axis = f.choose};
  if (!f.bisect.empty()) plan.bisected = f.bisect;
  if (plan.bisected && plan.choice) throw mistake("bisect"_field, " and ", "choose"_field, " do not go together");
  if (plan.bisected) check_bisection(plan);
  if (!f.choose_seeds.empty()) {
    if (!plan.choice) throw mistake("choose-seeds"_field, " has no effect without ", "choose"_field, " AXIS");
    plan.choice->seeds = parse_seeds(f.choose_seeds, "choose-seeds");
  }
  if (!f.choose_by.empty()) {
    if (!plan.choice) throw mistake("choose-by"_field, " has no effect without ", "choose"_field, " AXIS");
    plan.choice->by = f.choose_by;
    if (f.choose_by != "clean") plan.choice->kinds = {"clean", "pgd"};
  }
  if (!f.measure.empty()) plan.measure.kinds = nonempty_parts_of(f.measure, ',');
  for (const auto& [name, value] : f.measured) find(measure_fields(plan.measure), name)->set(value);
  if (!f.measured.contains("step")) plan.measure.step = usual_step(plan.measure.eps);
  plan.measure.seed = common.seed;
  for (const char* name : {"limit", "test-limit"})
    if (const std::string value = flag_value(plan.train, name, ""); !value.empty())
      plan.measure.test_limit = std::atol(value.c_str());
  check_request(plan.measure);
  if (!f.title.empty()) plan.title = f.title;
  if (plan.title.empty()) plan.title = "Sweep";
  if (!f.baseline.empty()) {
    const Flag flag = parse_flag(f.baseline);
    plan.baseline = Baseline{flag.name, flag.value};
  } else if (!plan.baseline) {
    plan.baseline = Baseline{"tau", "1"};
  }
  if (!f.family.empty()) plan.family = nonempty_parts_of(f.family, ',');
  check_family(plan.family);
  plan.margin = f.margin / 100;
  return plan;
}

}  // namespace kelvin
