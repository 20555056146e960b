// The flags of `kelvin sweep`, and the plan made from them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/cli/common.h"
#include "apps/sweep/presets.h"

namespace kelvin {

struct SweepFlags {
  std::string preset, out = "kelvin-sweep", seeds, measure, baseline, family, title, choose, choose_seeds, choose_by,
                      bisect;
  std::vector<std::string> grid, variants, set;
  // Flags of train, and of measure_fields, that were given to sweep itself.
  std::map<std::string, std::string> train, measured;
  std::optional<int> jobs;  // of each rank; none: one, or one a GPU of `devices`
  std::string devices, tensorboard;
  double margin = 2;  // points
  bool overwrite = false, dry_run = false;
};

// The preset, or an empty plan, with the given flags applied.
[[nodiscard]] SweepPlan plan_of(const SweepFlags& flags, const CommonOptions& common);

}  // namespace kelvin
