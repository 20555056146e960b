// The normalisation of images, for weight files that do not contain it: --mean, --std, --no-normalize.
#pragma once

#include <string>
#include <vector>

#include "apps/run/fields.h"
#include "engine/safetensors.h"
#include "models/model.h"

namespace kelvin {

struct NormalisationFlags {
  std::vector<float> mean, std;
  bool no_normalize = false;
  [[nodiscard]] bool are_given() const { return no_normalize || !mean.empty() || !std.empty(); }
};
[[nodiscard]] Fields normalisation_fields(NormalisationFlags& flags);

struct NormalisationOrigin {
  std::string from;  // "--no-normalize", "the file's metadata", "mu and sigma of w.pt"
  std::string note;  // a line that names constants for which nobody asked; else empty
};

// Sets spec.mean and spec.std: from the flags, if given; else unchanged if the file has Kelvin's metadata; else to the constants that the file
// holds beside its weights, or those with which the model's published weights were trained; these last two have a note. Throws a mistake if
// there are no such constants.
[[nodiscard]] NormalisationOrigin set_normalisation(ModelSpec& spec, const NormalisationFlags& flags,
                                                    const SafetensorsFile& file);

// "normalised by mean 0.5, 0.5, 0.5 and std 0.5, 0.5, 0.5", or "as they are".
[[nodiscard]] std::string normalisation_text(const ModelSpec& spec);

}  // namespace kelvin
