// The epochs after which training also saves the weights to a separate file (RunFolder::kept_checkpoint). `--across-training` of geometry and
// gradients studies these files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "apps/run/fields.h"

namespace kelvin {

// The epochs whose weights are kept, as checkpoint-0003.safetensors. Epoch 0 is before training.
struct KeptEpochs {
  bool all = false;
  std::vector<std::uint32_t> epochs;
  [[nodiscard]] bool contains(std::uint32_t epoch) const {
    return all || std::find(epochs.begin(), epochs.end(), epoch) != epochs.end();
  }
};
// "all", or epochs such as "0,1,5,10"; empty: none. Throws a mistake for anything else.
[[nodiscard]] KeptEpochs kept_epochs_of(const std::string& text);
[[nodiscard]] Field kept_epochs_field(const std::string& name, KeptEpochs& keep);

}  // namespace kelvin
