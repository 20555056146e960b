#include "apps/training/model_choice.h"

#include "apps/training/train.h"
#include "engine/weight_file.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/random_fill.h"
#include "models/normalisation.h"
#include "models/wrappers.h"

namespace kelvin {
namespace {

constexpr float kHeadDeviation = 0.02f;  // timm's initialisation of linear layers

Normalisation normalisation_for(const TrainOptions& o, const Dataset& data, const std::filesystem::path& checkpoint,
                                std::vector<std::string>& notes) {
  const int channels = static_cast<int>(data.train.channels);
  const std::string& choice = o.choice.normalize;
  if (choice == "half") return half_normalisation(channels);
  if (choice == "imagenet") {
    if (channels != 3)
      throw mistake("normalize"_field, " imagenet has three channels, the data ", channels, "; use half or data");
    return imagenet_normalisation(channels);
  }
  const std::filesystem::path weights = checkpoint.empty() ? std::filesystem::path(o.init) : checkpoint;
  if (choice == "auto" && !weights.empty()) {
    const SafetensorsFile file = read_weight_file(weights);
    if (has_run_info(file)) {
      const ModelSpec from = run_info_from(file).model;
      if (from.channels == channels) return {from.mean, from.std};
    } else if (const auto held = normalisation_in(file, channels)) {
      notes.push_back(str("images are normalised as ", held->mean_name, " and ", held->std_name, " of ",
                          weights.string(), " say; the option normalize overrides"));
      return held->values;
    } else if (const auto published = published_normalisation(o.model, channels);
               published && channels == 3 && !has_cifar_names(file)) {
      const bool is_vit = o.model.starts_with("vit");
      notes.push_back(
          str("images are normalised as ",
              is_vit ? "timm's augreg weights (mean = std = 0.5)" : "torchvision's weights (ImageNet mean and std)",
              "; the option normalize overrides"));
      return *published;
    } else {
      notes.push_back(str(weights.string(),
                          " does not say how its images were normalised; the data's mean and std are ",
                          "used; the option normalize overrides"));
    }
  }
  return {data.mean, data.std};
}

}  // namespace

Fields model_choice_fields(ModelChoice& c) {
  return group("Model",
               {field("image-size", c.image_size, in(0, kMostPixels),
                      "Resize images to this side inside the model, bilinear; 0: the data's own"),
                field("normalize", c.normalize, {"auto", "data", "half", "imagenet"},
                      message("auto (the constants that belong to the weights of ", "init"_field,
                              ", else the data's), data, half or imagenet")),
                field("head-init", c.head_init, {"model", "zeros", "normal"},
                      "Start of a last layer that no file provides: model, zeros or normal"),
                field("head-init-scale", c.head_init_scale, above(0), "Factor of the last layer's first weights"),
                field("dropout", c.dropout, from_below(0, 1), "vit_*: rate after positions, attention and MLP layers"),
                field("drop-path", c.drop_path, from_below(0, 1),
                      "vit_*: stochastic depth, rising linearly to this rate in the last block"),
                field("checkpoint-activations", c.checkpoint_activations,
                      "vit_*: compute each block again in backward instead of keeping its activations", Resume::free)});
}

void check_options(const ModelChoice& choice, const std::string& model) {
  ModelChoice c = choice;
  check(model_choice_fields(c));
  require_regularisation({.name = model,
                          .mean = {},
                          .std = {},
                          .dropout = c.dropout,
                          .drop_path = c.drop_path,
                          .checkpoint_activations = c.checkpoint_activations});
}

ModelSpec model_spec_for(const TrainOptions& o, const Dataset& data, const std::filesystem::path& checkpoint,
                         std::vector<std::string>& notes) {
  Normalisation normalisation = normalisation_for(o, data, checkpoint, notes);
  ModelSpec spec = spec_for(data, o.model);
  spec.mean = std::move(normalisation.mean);
  spec.std = std::move(normalisation.std);
  spec.precision = o.precision;
  spec.stem = o.stem;
  spec.classifier = o.classifier;
  spec.cosine_scale = o.cosine_scale;
  spec.image_size = o.choice.image_size;
  spec.dropout = o.choice.dropout;
  spec.drop_path = o.choice.drop_path;
  spec.checkpoint_activations = o.choice.checkpoint_activations;
  return spec;
}

void start_head(const Model& model, const std::string& head_init, std::uint64_t seed) {
  if (head_init == "model") return;
  const Tensor &w = model.prototypes().value, &b = model.prototype_bias().value;
  on(w.device(), [&](const auto& dev) {
    if (head_init == "normal")
      fill_normal(dev, w.view<float>(), {seed, random_stream("head_init")}, 0.0f, kHeadDeviation);
    else
      fill(dev, w.view<float>(), 0.0f);
    fill(dev, b.view<float>(), 0.0f);
  });
}

nlohmann::json to_json(const ModelChoice& choice) {
  ModelChoice c = choice;
  return to_json(model_choice_fields(c));
}

}  // namespace kelvin
