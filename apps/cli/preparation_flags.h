// How photographs become a model's images: --images, --resize and --interpolation of --data imagenet:DIR.
#pragma once

#include <string>

#include "apps/run/fields.h"
#include "data/image_preparation.h"

namespace kelvin {

struct PreparationFlags {
  std::string images;                  // a file that lists the images to take
  int resize = 0;                      // 0: as the model's published weights
  std::string interpolation = "auto";  // likewise
  [[nodiscard]] bool are_given() const { return !images.empty() || resize != 0 || interpolation != "auto"; }
};
[[nodiscard]] Fields preparation_fields(PreparationFlags& flags);

// As the published weights of the model were evaluated, where the flags do not say otherwise: torchvision's resize 256 (bilinear; 232 for the file name of
// ResNet-50's second weights), timm's augreg 248 (bicubic; 224 of a crop fraction of 0.9). `file`: of the weights.
[[nodiscard]] ImagePreparation preparation_for(const std::string& model, const std::string& file,
                                               const PreparationFlags& flags);

}  // namespace kelvin
