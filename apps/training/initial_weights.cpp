#include "apps/training/initial_weights.h"

#include "apps/run/run_folder.h"
#include "kernels/elementwise.h"
#include "models/weights.h"

namespace kelvin {

InitialWeights load_initial_weights(const std::filesystem::path& path, bool allow_partial, const Model& model) {
  const SafetensorsFile file = read_safetensors(path);
  const Tensor &w = model.prototypes().value, &b = model.prototype_bias().value;
  const Tensor own_w = w.clone(), own_b = b.clone();
  WeightsReport report = import_weights(file, model, allow_partial);
  InitialWeights initial{report.is_head_new, std::move(report.notes)};
  if (const std::string note = age_note(file); !note.empty()) initial.notes.push_back(note);
  if (initial.is_head_new || !has_run_info(file)) return initial;
  const RunInfo from = run_info_from(file);
  const std::string& classifier = model.spec().classifier;
  if (from.model.classifier != classifier) {
    initial.notes.push_back(str("the last layer starts anew: the classifier of ", path.string(), " is ",
                                from.model.classifier, ", this one's ", classifier));
    w.copy_from(own_w);
    b.copy_from(own_b);
    initial.is_head_new = true;
    return initial;
  }
  for (const Tensor& head : {w, b})
    on(w.device(), [&](const auto& dev) { scale(dev, head.view<float>(), static_cast<float>(from.head_scale)); });
  return initial;
}

}  // namespace kelvin
