#include "apps/cli/normalisation_flags.h"

#include "apps/cli/common.h"
#include "models/normalisation.h"

namespace kelvin {

Fields normalisation_fields(NormalisationFlags& f) {
  return {
      field(
          "mean", f.mean, any(),
          "Of the images, per channel; default: as the weight file says, else those of the model's published weights"),
      field("std", f.std, above(0), "Likewise"),
      field("no-normalize", f.no_normalize, "The model takes images as they are")};
}

std::string set_normalisation(ModelSpec& spec, const NormalisationFlags& flags, bool names_its_own,
                              const std::string& file) {
  if (flags.no_normalize && (!flags.mean.empty() || !flags.std.empty()))
    throw mistake("--no-normalize leaves images as they are; leave --mean and --std out");
  if (flags.no_normalize) {
    spec.mean = spec.std = {};
    return "";
  }
  const bool are_both_given = !flags.mean.empty() && !flags.std.empty();
  const bool is_published = !names_its_own && !are_both_given;
  if (is_published) {
    const auto published = published_normalisation(spec.name, spec.channels);
    if (!published)
      throw mistake("--mean and --std, or --no-normalize: ", file,
                    " does not say how its images are normalised, and no weights of ", spec.name, " are published");
    spec.mean = published->mean;
    spec.std = published->std;
  }
  if (!flags.mean.empty()) spec.mean = flags.mean;
  if (!flags.std.empty()) spec.std = flags.std;
  if (!is_published) return "";
  return str("images are ", normalisation_text(spec), ", as for ",
             spec.name.starts_with("vit") ? "timm's augreg" : "torchvision's",
             " weights; --mean and --std, or --no-normalize, say otherwise");
}

std::string normalisation_text(const ModelSpec& spec) {
  return spec.mean.empty() ? "as they are"
                           : "normalised by mean " + channels_text(spec.mean) + " and std " + channels_text(spec.std);
}

}  // namespace kelvin
