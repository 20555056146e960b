// Models by name. To add one: a class derived from Model, and a line in `builders`.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "kernels/convolution/conv2d.h"
#include "kernels/device/exact.h"
#include "kernels/device/listed.h"
#include "models/mlp.h"
#include "models/model.h"
#include "models/pre_activation.h"
#include "models/resnet.h"
#include "models/vit.h"

namespace kelvin {
namespace {

using Builder = std::function<std::unique_ptr<Model>(ModelSpec)>;

const std::map<std::string, Builder>& builders() {
  const auto resnet = [](ResNetLayout layout) {
    return [layout](ModelSpec spec) { return std::make_unique<ResNet>(std::move(spec), layout); };
  };
  const auto pre_activation = [](PreActivationLayout layout) {
    return [layout](ModelSpec spec) { return std::make_unique<PreActivationResNet>(std::move(spec), layout); };
  };
  const auto vit = [](VitLayout layout) {
    return [layout](ModelSpec spec) { return std::make_unique<VisionTransformer>(std::move(spec), layout); };
  };
  static const std::map<std::string, Builder> all = {
      {"mlp", [](ModelSpec spec) { return std::make_unique<Mlp>(std::move(spec)); }},
      {"resnet8", resnet({.widths = {16, 32, 64}, .blocks = {1, 1, 1}, .is_cifar_family = true})},
      {"resnet20", resnet({.widths = {16, 32, 64}, .blocks = {3, 3, 3}, .is_cifar_family = true})},
      {"resnet18", resnet({.widths = {64, 128, 256, 512}, .blocks = {2, 2, 2, 2}})},
      {"resnet34", resnet({.widths = {64, 128, 256, 512}, .blocks = {3, 4, 6, 3}})},
      {"resnet50", resnet({.widths = {64, 128, 256, 512}, .blocks = {3, 4, 6, 3}, .has_bottlenecks = true})},
      {"preactresnet18", pre_activation({.widths = {64, 128, 256, 512}})},
      {"fast_preactresnet18", pre_activation({.widths = {64, 128, 256, 512}, .is_fast = true})},
      {"vit_tiny_patch4", vit({.patch = 4, .width = 192, .heads = 3})},
      {"vit_small_patch4", vit({.patch = 4})},
      {"vit_tiny_patch7", vit({.patch = 7, .width = 192, .heads = 3})},
      {"vit_tiny_patch16_224", vit({.width = 192, .heads = 3})},
      {"vit_small_patch16_224", vit({})},
  };
  return all;
}

// The wide residual networks of published weights; others of their grammar are built as well (wide_layout).
constexpr const char* kWideNames[] = {"wrn_28_10",    "wrn_34_10",    "wrn_34_20",   "wrn_70_16",
                                      "dm_wrn_28_10", "dm_wrn_34_20", "dm_wrn_70_16"};

std::unique_ptr<Model> build(ModelSpec spec) {
  if (const auto layout = wide_layout(spec.name))
    return std::make_unique<PreActivationResNet>(std::move(spec), *layout);
  return builders().at(spec.name)(std::move(spec));
}

// One value a channel: `values` as given, or `fallback` for each.
Tensor per_channel(const std::vector<float>& values, float fallback, int channels, Device device) {
  if (values.empty()) return Tensor::full({channels}, fallback, DType::f32, device);
  if (static_cast<int>(values.size()) != channels)
    throw mistake("normalisation has ", values.size(), " values for ", channels, " channels");
  return Tensor::from_host<float>(values, {channels}, device);
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& [name, builder] : builders()) names.push_back(name);
  names.insert(names.end(), std::begin(kWideNames), std::end(kWideNames));
  return names;
}

void require_known_model(const std::string& name) {
  if (builders().contains(name) || wide_layout(name)) return;
  throw mistake("model"_field, " ", name, " is unknown; known: ", listed(model_names()),
                " and other (dm_)wrn_DEPTH_WIDTH");
}

void require_regularisation(const ModelSpec& s) {
  for (const auto& [flag, rate] : {std::pair("dropout"_field, s.dropout), std::pair("drop-path"_field, s.drop_path)})
    if (!(rate >= 0 && rate < 1)) throw mistake(flag, " must be at least 0 and below 1, got ", exact(rate));
  if (s.name.starts_with("vit")) return;
  if (s.dropout > 0 || s.drop_path > 0 || s.checkpoint_activations)
    throw mistake("model"_field, " ", s.name, ": ", "dropout"_field, ", ", "drop-path"_field, " and ",
                  "checkpoint-activations"_field, " belong to the vit_* models");
}

void require_precision(DType precision, Device device) {
  if (precision == DType::bf16) on(device, [](const auto& dev) { require_bfloat16(dev); });
}

std::unique_ptr<Model> declare_model(ModelSpec spec) {
  require_known_model(spec.name);
  if (spec.channels != 1 && spec.channels != 3)
    throw mistake("images have ", spec.channels, " channels; models take 1 or 3");
  if (spec.classifier != "linear" && spec.classifier != "cosine")
    throw mistake("classifier"_field, " ", spec.classifier, " is unknown; known: linear, cosine");
  if (!(spec.cosine_scale > 0) || !std::isfinite(spec.cosine_scale))
    throw mistake("cosine-scale"_field, " must be > 0, got ", spec.cosine_scale);
  for (const std::vector<float>* constants : {&spec.mean, &spec.std})
    if (!constants->empty() && std::ssize(*constants) != spec.channels)
      throw mistake("mean"_field, " and ", "std"_field, ": expected a number for each of ", spec.channels,
                    " channels, got ", constants->size());
  if (spec.classes < 2) throw mistake("a classifier needs at least 2 classes, got ", spec.classes);
  if (spec.image_size < 0) throw mistake("image-size"_field, " must be 0 or more, got ", spec.image_size);
  require_regularisation(spec);
  return build(std::move(spec));
}

std::unique_ptr<Model> make_model(ModelSpec spec, Device device, std::uint64_t seed) {
  std::unique_ptr<Model> model = declare_model(std::move(spec));
  const ModelSpec& s = model->spec();
  model->mean_ = per_channel(s.mean, 0.0f, s.channels, device);
  model->std_ = per_channel(s.std, 1.0f, s.channels, device);
  model->dropout_source_ = {.seed = seed, .step = Tensor::zeros({1}, DType::i32, device)};
  model->parameters_.allocate(device, seed);
  return model;
}

}  // namespace kelvin
