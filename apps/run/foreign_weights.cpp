#include "apps/run/foreign_weights.h"

#include "models/recognition.h"
#include "models/weights.h"

namespace kelvin {

TrainedModel build_foreign_model(const SafetensorsFile& file, const RunInfo& info, Device device,
                                 std::vector<std::string>& notes) {
  TrainedModel trained{make_model(info.model, device, info.seed), info};
  const WeightsReport report = import_weights(file, *trained.model, {.is_exact = true});
  notes.insert(notes.end(), report.notes.begin(), report.notes.end());
  trained.model->parameters().require_finite(file.path.string());
  return trained;
}

std::string with_article(const std::string& model) { return (model.starts_with("mlp") ? "an " : "a ") + model; }

ModelSpec recognised(const SafetensorsFile& file, std::vector<std::string>& notes) {
  ModelSpec spec = recognise_model(file);
  notes.push_back(str(file.path.string(), " holds ", with_article(spec.name), ", by its names and shapes"));
  return spec;
}

}  // namespace kelvin
