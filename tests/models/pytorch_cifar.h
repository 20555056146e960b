// Names of tensors in kuangliu's pytorch-cifar.
#pragma once

#include <string>

namespace kelvin::testing {

// That of a tensor of torchvision's ResNets.
inline std::string pytorch_cifars_name(std::string name) {
  if (const auto at = name.find("downsample"); at != std::string::npos) return name.replace(at, 10, "shortcut");
  return name.starts_with("fc.") ? name.replace(0, 3, "linear.") : name;
}

}  // namespace kelvin::testing
