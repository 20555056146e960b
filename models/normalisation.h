// The constants of (images − mean) / std that published weights were trained with, one a channel.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace kelvin {

struct Normalisation {
  std::vector<float> mean, std;
};

[[nodiscard]] Normalisation half_normalisation(int channels);  // ½ and ½, x -> 2x − 1: timm's augreg ViTs
[[nodiscard]] Normalisation imagenet_normalisation(
    int channels);  // torchvision's; the first `channels` of red, green, blue
// Those of the weights that torchvision or timm publish under the name of a model of ours; nothing where they publish none.
[[nodiscard]] std::optional<Normalisation> published_normalisation(const std::string& model, int channels);

}  // namespace kelvin
