#include "apps/training/initial_weights.h"

#include "apps/run/class_order.h"
#include "engine/weight_file.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

// The reason why the last layer of another run cannot be used, in one line. Empty if it can: then `rows` is the output of each class of the data.
std::string why_head_is_other(const RunInfo& from, const std::filesystem::path& path, const Model& model,
                              const Dataset& data, std::vector<int>& rows) {
  if (from.model.classifier != model.spec().classifier)
    return str("the classifier of ", path.string(), " is ", from.model.classifier, ", this one's ",
               model.spec().classifier);
  const ClassNames theirs = class_names_of(from), ours = class_names_of(data);
  if (!theirs.are_known() || !ours.are_known()) return "";
  rows = places_in(theirs, ours, path.string());
  if (are_found(rows)) return "";
  return str("the classes of ", path.string(), " are ", briefly_listed(theirs.names), ", the data's ",
             briefly_listed(ours.names));
}

}  // namespace

WeightsReport load_initial_weights(const std::filesystem::path& path, bool allow_partial, const Model& model,
                                   const Dataset& data) {
  const SafetensorsFile file = read_weight_file(path);
  const Tensor &w = model.prototypes().value, &b = model.prototype_bias().value;
  const Tensor own_w = w.clone(), own_b = b.clone();
  ImportOptions options{.allow_partial = allow_partial};
  RunInfo from;
  if (has_run_info(file)) {
    from = run_info_from(file);
    options.height = from.model.input_height();
    options.width = from.model.input_width();
  }
  WeightsReport report = import_weights(file, model, options);
  model.parameters().require_finite(path.string());
  if (const std::string note = age_note(file); !note.empty()) report.notes.push_back(note);
  if (!report.is_complete())
    report.notes.push_back(str(path.string(), ": ", report.loaded, " tensors are loaded; ", report.problems()));
  if (report.is_head_new || !has_run_info(file)) return report;
  std::vector<int> rows;
  if (const std::string why = why_head_is_other(from, path, model, data, rows); !why.empty()) {
    report.notes.push_back("the last layer starts anew: " + why);
    w.copy_from(own_w);
    b.copy_from(own_b);
    report.is_head_new = true;
    return report;
  }
  for (const Tensor& head : {w, b})
    on(w.device(), [&](const auto& dev) { scale(dev, head.view<float>(), static_cast<float>(from.head_scale)); });
  if (reorder_outputs(model, rows))
    report.notes.push_back(str("the last layer of ", path.string(), " is put into the order of the data's classes"));
  return report;
}

nlohmann::json to_json(const WeightsReport& r) {
  return {{"loaded", r.loaded},
          {"missing", r.missing},
          {"unexpected", r.unexpected},
          {"misfits", r.misfits},
          {"is_head_new", r.is_head_new}};
}

}  // namespace kelvin
