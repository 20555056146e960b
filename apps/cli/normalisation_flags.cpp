#include "apps/cli/normalisation_flags.h"

#include <cmath>

#include "apps/cli/common.h"
#include "models/normalisation.h"

namespace kelvin {

void add_normalisation_flags(CLI::App& command, NormalisationFlags& flags) {
  const char* const usual = "default: as the weight file says, else those of the model's published weights";
  CLI::Option* const mean =
      command.add_option("--mean", flags.mean, str("Of the images, per channel; ", usual))->delimiter(',');
  CLI::Option* const std = command.add_option("--std", flags.std, "Likewise")->delimiter(',');
  command.add_flag("--no-normalize", flags.no_normalize, "The model takes images as they are")
      ->excludes(mean)
      ->excludes(std);
}

std::string set_normalisation(ModelSpec& spec, const NormalisationFlags& flags, bool names_its_own,
                              const std::string& file) {
  for (const float s : flags.std)
    if (!(s > 0) || !std::isfinite(s)) throw mistake("--std must be > 0 and finite, got ", s);
  for (const float m : flags.mean)
    if (!std::isfinite(m)) throw mistake("--mean must be finite, got ", m);
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
                           : "normalised by mean " + of_channels(spec.mean) + " and std " + of_channels(spec.std);
}

}  // namespace kelvin
