// The training steps of a run as its metrics.jsonl has them.
#pragma once

#include <cstdint>
#include <vector>

#include "apps/run/run_folder.h"

namespace kelvin {

// The mean over the steps that end at `step`: one line.
struct LoggedSteps {
  std::int64_t step = 0;  // since the start of the run
  double loss = 0;
  double accuracy = 0;  // of the training images; NaN in files of earlier versions
};

// Empty if the file is absent or damaged: it is a log.
[[nodiscard]] std::vector<LoggedSteps> logged_steps(const RunFolder& run);

// How unsteadily the loss falls: √ of the mean of (ln L_{i+1} − 2 ln L_i + ln L_{i−1})² over the lines i. A factor of the loss and a steady
// exponential fall change nothing, so losses at different temperatures can be compared, if the lines stand for the same number of steps. NaN for
// fewer than three lines, and for a loss that is not positive.
[[nodiscard]] double loss_roughness(const std::vector<LoggedSteps>& logged);

}  // namespace kelvin
