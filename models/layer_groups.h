// The layers of a model from the images to the logits, for learning rates that fall towards the images.
#pragma once

#include <map>
#include <string>

#include "models/model.h"

namespace kelvin {

// Which layer each parameter belongs to, 0 the first, as timm's group_matcher divides them: everything before the first block; each
// block (`blocks.i`, `layerS.i`, `blockS.layer.i`, `layer.S.block.i`), the norm after the last of them with it; the prototypes. BEiT (2106.08254) and timm give layer l of n the learning
// rate η · D^(n − 1 − l).
[[nodiscard]] std::map<std::string, int> layers_of(const Model& model);

}  // namespace kelvin
