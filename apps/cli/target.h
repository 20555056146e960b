// The input of evaluate, corrupt, attack, audit, geometry and gradients: a model and a test set.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/cli/common.h"
#include "apps/cli/normalisation_flags.h"
#include "apps/cli/preparation_flags.h"
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
  std::int64_t usual_limit = 0;  // the command's default limit of images; 0: the whole set
  int batch_size = 250;
  NormalisationFlags normalisation;   // of --weights
  PreparationFlags preparation;       // of --data imagenet:DIR
  std::optional<DType> precision;     // --precision; none: the run's
  std::string weights_from = "last";  // last, or ema: the averaged weights of a run trained with --ema
  // For commands with --split: "train" puts the training half of the data set into Target::data.test.
  std::string split = "test";
};
// The flags, and RUN_DIR with them.
[[nodiscard]] Fields target_fields(TargetOptions& target);
void add_target_options(CLI::App& command, TargetOptions& target);
// "last, or ema" of --weights-from.
[[nodiscard]] Field weights_from_field(std::string& weights_from);

// Where the parts of a target come from, for those who report on them.
struct TargetOrigin {
  std::filesystem::path weights;     // the file, or the index of its shards
  std::string model, normalisation;  // "names and shapes of the tensors"; see NormalisationOrigin::from
  bool is_whole_half = false;        // --limit left out no image
  bool is_average = false;           // --weights-from ema
};

struct Target {
  TrainedModel trained;
  Dataset data;                          // the images are in its test half, with the model's labels
  std::vector<std::int32_t> own_labels;  // the data set's own labels of these images
  std::optional<ClassOrder> classes;     // from the data set's labels to the model's
  std::vector<std::string> notes;        // what a reader of the figures should know, one line each
  RunFolder folder;                      // its path is empty if there is no run folder
  Which which = Which::last;
  // The parts of the request that differ from the run or the defaults, as part of a file name: "", "-n50", "-n50-on-cifar10-ema".
  std::string variant;
  TargetOrigin origin;
  bool quiet = false;
  // The name of a result: "audit-l2-n50-best".
  [[nodiscard]] std::string result_name(const std::string& name, const std::string& settings) const;
  // Writes results/NAME.json into the run folder, if there is one; NAME-best.json for its best checkpoint. `settings` ("-l2-eps0.1") and
  // `variant` follow the name, so that a result never replaces one with other settings.
  void save(const std::string& name, const std::string& settings, const nlohmann::json& result) const;
  // The same under a name that the user chose.
  void save_as(const std::string& name, nlohmann::json result) const;
};
// Text as part of a file name: characters other than letters, digits and .,+=_ become dashes; a long text is cut and ends in a hash.
[[nodiscard]] std::string file_name_text(const std::string& text);
// The file with its weights replaced by its averaged weights (--weights-from ema). Throws a mistake if it has none.
[[nodiscard]] SafetensorsFile require_average(SafetensorsFile file);
[[nodiscard]] Target open_target(const TargetOptions& options, const CommonOptions& common);

}  // namespace kelvin
