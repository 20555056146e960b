// What a sweep determines before its cells begin: their device, and roughly their time.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/common.h"
#include "apps/sweep/presets.h"
#include "apps/sweep/workers.h"
#include "apps/training/train.h"

namespace kelvin {

struct SweepTrial {
  std::string device;              // for the cells: "cpu" if --device auto chooses the CPU, else the value of --device
  double seconds_a_cell = 0;       // 0: not known
  std::vector<std::string> notes;  // on the device (kernels/device/notes.h), for all cells
};

// Runs `kelvin bench` for the first cell's model in a separate process, because this process opens no device. Adds the data set's notes to the
// command's notes. `options`: of each cell; `worker`: one that will run them.
[[nodiscard]] SweepTrial try_sweep(const SweepPlan& plan, const std::vector<Cell>& cells,
                                   const std::vector<TrainOptions>& options, const CommonOptions& common, int threads,
                                   const Worker& worker);

}  // namespace kelvin
