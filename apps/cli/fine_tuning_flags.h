// The flags of `kelvin train` for fine-tuning: the step (apps/training/fine_tuning.h) and the model (apps/training/model_choice.h).
#pragma once

#include <CLI/CLI.hpp>

#include "apps/training/train.h"

namespace kelvin {

void add_fine_tuning_flags(CLI::App& command, TrainOptions& options);

}  // namespace kelvin
