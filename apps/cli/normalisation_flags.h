// How images are normalised before a model sees them, where a weight file may not say it: --mean, --std, --no-normalize.
#pragma once

#include <string>
#include <vector>

#include "apps/run/fields.h"
#include "models/model.h"

namespace kelvin {

struct NormalisationFlags {
  std::vector<float> mean, std;
  bool no_normalize = false;
  [[nodiscard]] bool are_given() const { return no_normalize || !mean.empty() || !std.empty(); }
};
[[nodiscard]] Fields normalisation_fields(NormalisationFlags& flags);

// Sets spec.mean and spec.std: as the flags say; else, where the file `names_its_own`, as they are; else to the constants that the model's
// published weights were trained with. Then, and only then, returns a line that says which. A mistake where nobody knows.
[[nodiscard]] std::string set_normalisation(ModelSpec& spec, const NormalisationFlags& flags, bool names_its_own,
                                            const std::string& file);

// "normalised by mean 0.5, 0.5, 0.5 and std 0.5, 0.5, 0.5", or "as they are"
[[nodiscard]] std::string normalisation_text(const ModelSpec& spec);

}  // namespace kelvin
