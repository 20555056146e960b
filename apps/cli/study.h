// What geometry and gradients share: the choice of the half of the data, and of one checkpoint or all kept ones.
#pragma once

#include <functional>

#include "apps/cli/target.h"

namespace CLI {
class App;
}

namespace kelvin {

struct StudyOptions {
  TargetOptions target;
  bool across_training = false;
};
// Adds the target's options, --split and --across-training.
void add_study_options(CLI::App& command, StudyOptions& options);

// Measures the run's last checkpoint or, with --across-training, every kept one, as {"checkpoints": [{"epoch": ..., ...}, ...],
// "train_tau": ..., "split": ...}. Writes results/NAME.json and prints it. The name gets -train for the training half, -across-training, and
// `settings` as in Target::save.
void run_study(const StudyOptions& options, const CommonOptions& common, const std::string& name,
               const std::string& settings,
               const std::function<nlohmann::json(const Target&, Model&, const RunInfo&)>& measure,
               const std::function<std::string(const nlohmann::json&)>& text_of);

}  // namespace kelvin
