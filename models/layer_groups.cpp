#include "models/layer_groups.h"

#include <regex>

namespace kelvin {
namespace {

// "blocks.3", "layer2.0", "block2.layer.0", "head" or "stem"; `previous`: the group of the parameter before.
std::string group_of(const Model& model, const Parameter& p, const std::string& previous) {
  if (&p == &model.prototypes() || &p == &model.prototype_bias()) return "head";
  static const std::regex block(R"(^(blocks\.\d+|layer\d+\.\d+|block\d+\.layer\.\d+|layer\.\d+\.block\.\d+)\.)");
  static const std::regex norm(R"(^(norm|bn|bn1|batchnorm)\.)");  // after the stem, or after the last block
  if (std::regex_search(p.spec.name, norm)) return previous;
  std::smatch found;
  return std::regex_search(p.spec.name, found, block) ? found[1].str() : "stem";
}

}  // namespace

std::map<std::string, int> layers_of(const Model& model) {
  std::map<std::string, int> layer_of_group, layer_of_parameter;
  std::string group;
  for (const Parameter& p : model.parameters()) {  // in the order of the forward pass
    group = group_of(model, p, group);
    const int next = static_cast<int>(layer_of_group.size());
    layer_of_parameter[p.spec.name] = layer_of_group.emplace(group, next).first->second;
  }
  return layer_of_parameter;
}

}  // namespace kelvin
