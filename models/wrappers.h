// Names of tensors as training programs write them, and the model's own names in them.
//
// Training programs wrap a model and put the wrapper before every name: `module.` (DataParallel), `_orig_mod.` (torch.compile),
// `state_dict.`, `model.`, ... Where a file holds several copies of the model, such as weights and their moving average, the one with
// the most of its names counts; of equal ones no average, then the one with the shorter wrapper. Networks of TRADES carry a second copy
// of block1, `sub_block1`, that computes nothing: it is counted and passed over.
//
// Residual networks for CIFAR often have the names of kuangliu's pytorch-cifar, `shortcut` and `linear`, where torchvision says `downsample`
// and `fc`; the networks are the same.
//
// In PyTorch's files the model's dictionary may be one of several ("state_dict", "optimizer"): what lies outside of it is passed over.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/parameters.h"
#include "engine/safetensors.h"

namespace kelvin {

// What stands before a name and belongs to a wrapper: "module._orig_mod." of "module._orig_mod.conv1.weight"; else "".
[[nodiscard]] std::string wrapper_of(const std::string& name);

// Whether a file's residual network has pytorch-cifar's names, so that its weights are not torchvision's.
[[nodiscard]] bool has_cifar_names(const SafetensorsFile& file);

struct UnwrappedTensors {
  std::map<std::string, const SafetensorsEntry*> tensors;  // by the model's names; point into the file
  std::vector<std::string>
      unexpected;  // names as in the file that are neither the model's nor what training keeps beside it
  std::vector<std::string> notes;  // one line each: the wrapper that was taken off, tensors that compute nothing
};
[[nodiscard]] UnwrappedTensors unwrap(const SafetensorsFile& file, const Parameters& parameters);

}  // namespace kelvin
