#include "apps/training/model_choice.h"

#include "apps/training/train.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/random_fill.h"
#include "models/normalisation.h"

namespace kelvin {
namespace {

constexpr int kMostPixels = 4096;        // a side
constexpr float kHeadDeviation = 0.02f;  // timm's initialisation of linear layers

bool is_one_of(const std::string& value, std::initializer_list<const char*> known) {
  for (const char* k : known)
    if (value == k) return true;
  return false;
}

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
    const SafetensorsFile file = read_safetensors(weights);
    if (has_run_info(file)) {
      const ModelSpec from = run_info_from(file).model;
      if (from.channels == channels) return {from.mean, from.std};
    } else if (const auto published = published_normalisation(o.model, channels); published && channels == 3) {
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

void check_options(const ModelChoice& c, const std::string& model) {
  if (c.image_size < 0 || c.image_size > kMostPixels)
    throw mistake("image-size"_field, " must be 1 to ", kMostPixels, ", or 0 for the data's own, got ", c.image_size);
  if (!is_one_of(c.normalize, {"auto", "data", "half", "imagenet"}))
    throw mistake("normalize"_field, " ", c.normalize, " is unknown; known: auto, data, half, imagenet");
  if (!is_one_of(c.head_init, {"model", "zeros", "normal"}))
    throw mistake("head-init"_field, " ", c.head_init, " is unknown; known: model, zeros, normal");
  require_regularisation({.name = model,
                          .mean = {},
                          .std = {},
                          .dropout = c.dropout,
                          .drop_path = c.drop_path,
                          .checkpoint_activations = c.checkpoint_activations});
}

ModelSpec model_spec_for(const TrainOptions& o, const Dataset& data, const std::filesystem::path& checkpoint,
                         std::vector<std::string>& notes) {
  const ImageSet& set = data.train;
  Normalisation normalisation = normalisation_for(o, data, checkpoint, notes);
  return {.name = o.model,
          .classes = data.classes,
          .channels = static_cast<int>(set.channels),
          .height = static_cast<int>(set.height),
          .width = static_cast<int>(set.width),
          .mean = std::move(normalisation.mean),
          .std = std::move(normalisation.std),
          .precision = o.precision,
          .stem = o.stem,
          .classifier = o.classifier,
          .cosine_scale = o.cosine_scale,
          .image_size = o.choice.image_size,
          .dropout = o.choice.dropout,
          .drop_path = o.choice.drop_path,
          .checkpoint_activations = o.choice.checkpoint_activations};
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

nlohmann::json to_json(const ModelChoice& c) {
  return {{"image_size", c.image_size}, {"normalize", c.normalize},
          {"head_init", c.head_init},   {"dropout", c.dropout},
          {"drop_path", c.drop_path},   {"checkpoint_activations", c.checkpoint_activations}};
}

}  // namespace kelvin
