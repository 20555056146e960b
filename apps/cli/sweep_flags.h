// What was asked of `kelvin sweep`, and the plan that it makes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "apps/cli/common.h"
#include "apps/sweep/presets.h"

namespace kelvin {

struct SweepFlags {
  std::string preset, out = "kelvin-sweep", seeds, measure, baseline, title;
  std::vector<std::string> grid, variants, set;
  std::map<std::string, std::string> train;  // flags of train that were given to sweep itself
  MeasureRequest sizes;
  std::vector<std::function<void(const MeasureRequest& from, MeasureRequest& to)>> given;  // which of `sizes` were set
  int jobs = 1;
  bool overwrite = false, dry_run = false, has_step = false;
};

// The preset, or an empty plan, with everything that was asked for laid over it.
[[nodiscard]] SweepPlan plan_of(const SweepFlags& flags, const CommonOptions& common);

}  // namespace kelvin
