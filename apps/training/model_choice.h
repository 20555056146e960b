// Which model a run trains: its spec from the flags, the data and the weights it starts from, and how its last layer starts.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/run/fields.h"
#include "data/dataset.h"
#include "models/model.h"

namespace kelvin {

struct TrainOptions;

struct ModelChoice {
  int image_size = 0;  // ModelSpec::image_size
  // auto: the constants that belong to the weights of --init (a checkpoint of ours names them; torchvision's and timm's are known),
  // without such weights the data's. data, half (½ and ½) and imagenet: these.
  std::string normalize = "auto";
  // How prototypes start that no file brings: model (its own way), zeros (Dosovitskiy et al.'s fine-tuning) or normal (deviation 0.02,
  // bias 0: timm's).
  std::string head_init = "model";
  float dropout = 0, drop_path = 0;     // ModelSpec
  bool checkpoint_activations = false;  // ModelSpec
};

[[nodiscard]] Fields model_choice_fields(ModelChoice& choice);
void check_options(const ModelChoice& choice, const std::string& model);  // throws a mistake

// The spec; where the weights decided the normalisation, `notes` says so. `checkpoint`: that of the run to resume, else empty; its
// normalisation is kept.
[[nodiscard]] ModelSpec model_spec_for(const TrainOptions& options, const Dataset& data,
                                       const std::filesystem::path& checkpoint, std::vector<std::string>& notes);
// Starts the prototypes anew as `head_init` says.
void start_head(const Model& model, const std::string& head_init, std::uint64_t seed);

[[nodiscard]] nlohmann::json to_json(const ModelChoice& choice);

}  // namespace kelvin
