#include "models/recognition.h"

#include <algorithm>
#include <set>

#include "engine/tensor_file.h"
#include "models/normalisation.h"
#include "models/weights.h"
#include "models/wrappers.h"

namespace kelvin {
namespace {

constexpr int kSide = 112;  // of the images: divides into patches of 4, 7 and 16

std::map<std::string, const SafetensorsEntry*> by_own_name(const SafetensorsFile& file) {
  std::map<std::string, const SafetensorsEntry*> own;
  for (const auto& [name, entry] : file.tensors) own.emplace(name.substr(wrapper_of(name).size()), &entry);
  return own;
}

// The names to try: all known ones, and the wide residual network whose depth and width the file has.
std::set<std::string> candidates(const std::map<std::string, const SafetensorsEntry*>& own) {
  std::set<std::string> names;
  for (const std::string& name : model_names()) names.insert(name);
  struct Family {
    std::string name, start, end;  // of the filters in the first stage
  };
  for (const Family& f :
       {Family{"wrn_", "block1.layer.", ".conv1.weight"}, Family{"dm_wrn_", "layer.0.block.", ".conv_0.weight"}}) {
    std::int64_t blocks = 0, width = 0;
    for (auto at = own.begin(); (at = own.find(str(f.start, blocks, f.end))) != own.end(); ++blocks)
      width = at->second->shape.empty() ? 0 : at->second->shape[0] / 16;
    names.insert(str(f.name, 6 * blocks + 4, "_", width));
  }
  return names;
}

// What no name decides: classes, channels, and how large the images are.
ModelSpec spec_of(const std::map<std::string, const SafetensorsEntry*>& own, const SafetensorsFile& file) {
  ModelSpec spec{
      .classes = find_head_classes(file).value_or(10), .height = kSide, .width = kSide, .mean = {}, .std = {}};
  for (const char* first : {"conv1.weight", "init_conv.weight", "patch_embed.proj.weight"}) {
    const auto found = own.find(first);
    if (found == own.end() || found->second->shape.size() != 4) continue;
    spec.channels = found->second->shape[1] == 1 ? 1 : 3;
    spec.stem = found->second->shape[2] == 7 ? "imagenet" : "cifar";
  }
  return spec;
}

// Whether weights of images of another size have this shape: the number of patches, or of an mlp's pixels, is free.
bool is_like(const std::string& name, std::vector<std::int64_t> shape, std::vector<std::int64_t> expected) {
  if (shape.size() != expected.size()) return false;
  if ((name == "pos_embed" || name == "fc1.weight") && shape.size() > 1) shape[1] = expected[1] = 0;
  return shape == expected;
}

WeightsReport compare(const SafetensorsFile& file, const Model& model) {
  WeightsReport report;
  const UnwrappedTensors source = unwrap(file, model.parameters());
  report.unexpected = source.unexpected;
  const auto look_up = [&](const Parameter& p) {
    const auto found = source.tensors.find(p.spec.name);
    const Shape shape = file_shape(p.spec.shape);
    const std::vector<std::int64_t> expected(shape.begin(), shape.end());
    if (found == source.tensors.end())
      report.missing.push_back(p.spec.name);
    else if (!is_like(p.spec.name, found->second->shape, expected))
      report.misfits.push_back(
          str(p.spec.name, " has shape ", shape_text(found->second->shape), ", expected ", shape_text(expected)));
    else
      ++report.loaded;
  };
  for (const Parameter& p : model.parameters()) look_up(p);
  for (const Parameter& p : model.parameters().buffers()) look_up(p);
  return report;
}

}  // namespace

ModelSpec recognise_model(const SafetensorsFile& file) {
  const auto own = by_own_name(file);
  const ModelSpec common = spec_of(own, file);
  std::string nearest;
  WeightsReport its;
  for (const std::string& name : candidates(own)) {
    ModelSpec spec = common;
    spec.name = name;
    const bool has_two_stems = name.starts_with("resnet") && published_normalisation(name, 3);
    if (!has_two_stems) spec.stem = "auto";
    try {
      const WeightsReport report = compare(file, *declare_model(spec));
      if (report.is_complete()) return spec;
      if (report.loaded > its.loaded) {
        nearest = name;
        its = report;
      }
    } catch (const Error& e) {
      if (e.code() != ExitCode::mistake) throw;  // a size that does not exist
    }
  }
  throw mistake("model"_field, " is needed: ", file.path.string(),
                " holds no model that is known by its names and shapes",
                nearest.empty() ? "" : str("; nearest is ", nearest, ": ", its.problems()));
}

}  // namespace kelvin
