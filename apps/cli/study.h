// What geometry and gradients share: which half of the data they look at, and whether they look once or across training.
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

// Measures the run's last checkpoint, or with --across-training every kept one: then {"checkpoints": [{"epoch": ..., ...}, ...],
// "train_tau": ..., "split": ...}. Writes results/NAME.json and prints that; with -train after NAME for the training half,
// -across-training for the latter, and `settings` as Target::save has it.
void run_study(const StudyOptions& options, const CommonOptions& common, const std::string& name,
               const std::string& settings,
               const std::function<nlohmann::json(const Target&, Model&, const RunInfo&)>& measure,
               const std::function<std::string(const nlohmann::json&)>& text_of);

}  // namespace kelvin
