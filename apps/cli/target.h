// What evaluate, corrupt, attack, audit, geometry and gradients act on: a model and a test set.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/cli/common.h"
#include "apps/cli/normalisation_flags.h"
#include "apps/run/class_order.h"
#include "apps/run/run_folder.h"
#include "data/dataset.h"

namespace CLI {
class App;
}

namespace kelvin {

// A run folder, or weights with a model and a data set.
struct TargetOptions {
  std::string run;                  // RUN_DIR
  std::string checkpoint = "last";  // --checkpoint of RUN_DIR: last or best
  std::string weights;              // --weights
  std::string model;                // --model
  std::string data;                 // --data; default: the run's
  std::int64_t limit = 0;
  std::int64_t usual_limit = 0;  // the images a command looks at where nobody says; 0: the whole set
  int batch_size = 250;
  NormalisationFlags normalisation;   // of --weights
  std::string precision;              // --precision; default: the run's
  std::string weights_from = "last";  // last, or ema: the averaged weights of a run trained with --ema
  // Where a command offers --split: "train" puts the data set's training half in Target::data.test.
  std::string split = "test";
};
// Adds RUN_DIR and the flags.
void add_target_options(CLI::App& command, TargetOptions& target);
// "last, or ema" of --weights-from.
[[nodiscard]] Field weights_from_field(std::string& weights_from);

struct Target {
  TrainedModel trained;
  Dataset data;                          // its test half; labels are the model's, everything else is the data set's own
  std::vector<std::int32_t> own_labels;  // of the same images, as the data set has them
  std::optional<ClassOrder> classes;     // from the data set's labels to the model's
  std::vector<std::string> notes;        // what a reader of the figures should know, a line each
  RunFolder folder;                      // path empty when there is no run folder
  Which which = Which::last;
  // What of the request is not the run's own or not usual, as part of a file name: "", "-n50", "-n50-on-cifar10-ema".
  std::string variant;
  bool quiet = false;
  // Writes results/NAME.json into the run folder, where there is one; NAME-best.json for its best checkpoint. `settings`
  // ("-l2-eps0.1") and `variant` go after the name, so that a result never takes the place of one that was made otherwise.
  void save(const std::string& name, const std::string& settings, const nlohmann::json& result) const;
  // The same under a name of the user's own.
  void save_as(const std::string& name, nlohmann::json result) const;
};
// Text as part of a file name: other characters than letters, digits and .,+=_ become dashes; long ones are cut and end in a hash.
[[nodiscard]] std::string file_name_text(const std::string& text);
// The file with its averaged weights in the place of its weights (--weights-from ema); a mistake where it has none.
[[nodiscard]] SafetensorsFile require_average(SafetensorsFile file);
[[nodiscard]] Target open_target(const TargetOptions& options, const CommonOptions& common);

}  // namespace kelvin
