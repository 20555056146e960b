#include "apps/run/foreign_weights.h"

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

}  // namespace kelvin
