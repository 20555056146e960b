// Models from weight files without metadata, such as torchvision's and timm's.
#pragma once

#include <string>
#include <vector>

#include "apps/run/run_folder.h"

namespace kelvin {

// Builds info.model and loads the file's weights into it by name (models/weights.h). The file must hold exactly the model's tensors, the last
// layer and the position embeddings in the model's own shape; otherwise throws a mistake that names the difference. `notes` gets what was
// removed from the file's names.
[[nodiscard]] TrainedModel build_foreign_model(const SafetensorsFile& file, const RunInfo& info, Device device,
                                               std::vector<std::string>& notes);

// The model that the file holds by its names and shapes (models/recognition.h); `notes` gets a line that says which.
[[nodiscard]] ModelSpec recognised(const SafetensorsFile& file, std::vector<std::string>& notes);

// "a resnet18", "an mlp"
[[nodiscard]] std::string with_article(const std::string& model);

}  // namespace kelvin
