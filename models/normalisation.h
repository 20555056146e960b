// The constants of (images − mean) / std that published weights were trained with, one a channel.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/safetensors.h"

namespace kelvin {

struct Normalisation {
  std::vector<float> mean, std;
};

[[nodiscard]] Normalisation half_normalisation(int channels);  // ½ and ½, x -> 2x − 1: timm's augreg ViTs
[[nodiscard]] Normalisation imagenet_normalisation(
    int channels);  // torchvision's; the first `channels` of red, green, blue
// Those of the weights that torchvision or timm publish under the name of a model of ours; nothing where they publish none.
[[nodiscard]] std::optional<Normalisation> published_normalisation(const std::string& model, int channels);

// The constants that a file holds beside its weights, as RobustBench's do: `mean` and `std`, `mu` and `sigma`, or `new_mean` and `new_std`,
// also after a layer's name such as `normalize` and in wrappers (models/wrappers.h). Throws a mistake for values that normalise nothing.
struct HeldNormalisation {
  std::string mean_name, std_name;  // as in the file
  Normalisation values;             // one a channel; a single number serves every channel
};
[[nodiscard]] std::optional<HeldNormalisation> normalisation_in(const SafetensorsFile& file, int channels);
// The names of all such pairs: several where a file holds several copies of a model.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> normalisation_names(const SafetensorsFile& file);

}  // namespace kelvin
