// What a sweep finds out before its cells begin: where they will run, and about how long they will take.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/common.h"
#include "apps/sweep/presets.h"
#include "apps/training/train.h"

namespace kelvin {

struct SweepTrial {
  std::string device;              // for the cells: "cpu" where --device auto takes the CPU, else what was asked for
  double seconds_a_cell = 0;       // 0: nothing is known
  std::vector<std::string> notes;  // on the device (kernels/device/notes.h), for all cells
};

// Runs `kelvin bench` for the first cell's model in a process of its own: this one opens no device. Adds the data set's notes to the
// command's. `options`: of each cell.
[[nodiscard]] SweepTrial try_sweep(const SweepPlan& plan, const std::vector<Cell>& cells,
                                   const std::vector<TrainOptions>& options, const CommonOptions& common, int threads);

}  // namespace kelvin
