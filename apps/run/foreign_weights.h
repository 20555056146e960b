// Models of weights that say nothing of themselves: torchvision's, timm's, anyone's.
#pragma once

#include <string>
#include <vector>

#include "apps/run/run_folder.h"

namespace kelvin {

// Builds info.model and loads the file's weights into it by name (models/weights.h). Every tensor of the model must be there and none
// besides, the last layer and the positions in the model's own shape; a mistake names what is not. `notes` gets what the file's names had
// to be relieved of.
[[nodiscard]] TrainedModel build_foreign_model(const SafetensorsFile& file, const RunInfo& info, Device device,
                                               std::vector<std::string>& notes);

}  // namespace kelvin
