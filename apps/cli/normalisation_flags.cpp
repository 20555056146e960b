#include "apps/cli/normalisation_flags.h"

#include "apps/cli/common.h"
#include "apps/run/run_folder.h"
#include "models/normalisation.h"
#include "models/wrappers.h"

namespace kelvin {

Fields normalisation_fields(NormalisationFlags& f) {
  return {
      field(
          "mean", f.mean, any(),
          "Of the images, per channel; default: as the weight file says, else those of the model's published weights"),
      field("std", f.std, above(0), "Likewise"),
      field("no-normalize", f.no_normalize, "The model takes images as they are")};
}

NormalisationOrigin set_normalisation(ModelSpec& spec, const NormalisationFlags& flags, const SafetensorsFile& file) {
  if (flags.no_normalize && (!flags.mean.empty() || !flags.std.empty()))
    throw mistake("--no-normalize leaves images as they are; leave --mean and --std out");
  if (flags.no_normalize) {
    spec.mean = spec.std = {};
    return {"--no-normalize", ""};
  }
  const bool are_both_given = !flags.mean.empty() && !flags.std.empty();
  std::string source, from = "the file's metadata";  // source: of constants that neither flags nor metadata name
  if (!has_run_info(file) && !are_both_given) {
    Normalisation constants;
    if (const auto held = normalisation_in(file, spec.channels)) {
      constants = held->values;
      from = str(held->mean_name, " and ", held->std_name, " of ", file.path.string());
      source = str("as ", from, " say");
    } else if (const auto published = published_normalisation(spec.name, spec.channels);
               published && !has_cifar_names(file)) {
      constants = *published;
      from = str(spec.name.starts_with("vit") ? "timm's augreg" : "torchvision's", " weights");
      source = str("as for ", from);
    } else {
      throw mistake("--mean and --std, or --no-normalize: ", file.path.string(),
                    " does not say how its images are normalised, and ",
                    has_cifar_names(file) ? str("weights of these names have no usual constants")
                                          : str("no weights of ", spec.name, " are published"));
    }
    spec.mean = constants.mean;
    spec.std = constants.std;
  }
  if (!flags.mean.empty()) spec.mean = flags.mean;
  if (!flags.std.empty()) spec.std = flags.std;
  if (are_both_given)
    from = "--mean and --std";
  else if (flags.are_given())
    from = str(flags.mean.empty() ? "--std, and " : "--mean, and ", from);
  if (source.empty()) return {from, ""};
  return {from, str("images are ", normalisation_text(spec), ", ", source,
                    "; --mean and --std, or --no-normalize, say otherwise")};
}

std::string normalisation_text(const ModelSpec& spec) {
  return spec.mean.empty() ? "as they are"
                           : "normalised by mean " + channels_text(spec.mean) + " and std " + channels_text(spec.std);
}

}  // namespace kelvin
