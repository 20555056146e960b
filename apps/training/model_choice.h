// The model that a run trains: its spec from the flags, the data and the initial weights, and the initialisation of its last layer.
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
  // The constants of the normalisation. auto: those of the weights of --init (a Kelvin checkpoint names them; torchvision's and timm's are
  // known), without such weights the data's. data: the data's; half: ½ and ½; imagenet: ImageNet's.
  std::string normalize = "auto";
  // The initialisation of prototypes that no file provides: model (the model's own), zeros (Dosovitskiy et al.'s fine-tuning) or normal
  // (deviation 0.02, bias 0: timm's).
  std::string head_init = "model";
  // Multiplies prototypes and bias before training starts, those of --init too. Not for a cosine classifier, whose prototypes have no length.
  float head_init_scale = 1;
  float dropout = 0, drop_path = 0;     // ModelSpec
  bool checkpoint_activations = false;  // ModelSpec
};

[[nodiscard]] Fields model_choice_fields(ModelChoice& choice);
void check_options(const ModelChoice& choice, const std::string& model);  // throws a mistake

// The spec of the model. `notes` gets a line if the weights decide the normalisation. `checkpoint`: of the run to resume, whose normalisation
// is kept; else empty.
[[nodiscard]] ModelSpec model_spec_for(const TrainOptions& options, const Dataset& data,
                                       const std::filesystem::path& checkpoint, std::vector<std::string>& notes);
// Initialises the prototypes according to `head_init`.
void start_head(const Model& model, const std::string& head_init, std::uint64_t seed);

[[nodiscard]] nlohmann::json to_json(const ModelChoice& choice);

}  // namespace kelvin
