// The small trained networks and the images that torchattacks and the code of AutoAttack's authors attacked: tests/golden/attacks with one
// channel (tools/golden/attacks.py), and tests/golden/attacks_color with three (tools/golden/attacks_color.py).
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "data/npy.h"
#include "engine/checkpoint.h"
#include "models/model.h"

namespace kelvin::testing {

inline std::filesystem::path attack_golden(const std::string& name) {
  return std::filesystem::path(KELVIN_GOLDEN_DIR) / "attacks" / name;
}
inline std::filesystem::path color_golden(const std::string& name) {
  return std::filesystem::path(KELVIN_GOLDEN_DIR) / "attacks_color" / name;
}

inline nlohmann::json json_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return nlohmann::json::parse(in);
}
inline nlohmann::json attack_reference() { return json_of(attack_golden("reference.json")); }
inline nlohmann::json color_reference() { return json_of(color_golden("reference.json")); }

inline std::unique_ptr<Model> resnet8_of(int channels, int height, int width, const nlohmann::json& reference,
                                         const std::filesystem::path& weights) {
  auto model = make_model({.name = "resnet8",
                           .channels = channels,
                           .height = height,
                           .width = width,
                           .mean = reference.at("mean").get<std::vector<float>>(),
                           .std = reference.at("std").get<std::vector<float>>()},
                          {}, 0);
  load_parameters(read_safetensors(weights), model->parameters());
  return model;
}

// `scale` multiplies the logits, which moves no decision boundary.
inline std::unique_ptr<Model> golden_model(float scale = 1) {
  auto model = resnet8_of(1, 28, 28, attack_reference(), attack_golden("weights.safetensors"));
  for (const Parameter* p : {&model->prototypes(), &model->prototype_bias()}) {
    std::vector<float> values = p->value.to_host<float>();
    for (float& v : values) v *= scale;
    p->value.copy_from_host(values);
  }
  return model;
}
inline std::unique_ptr<Model> color_model(std::int64_t width = 16) {
  return resnet8_of(3, 16, static_cast<int>(width), color_reference(), color_golden("weights.safetensors"));
}

// A network filled by the formula predicts the same class for every image, so the reference scales its last layer and centres the logits.
inline void scale_head(const Model& model, const nlohmann::json& reference) {
  std::vector<float> prototypes = model.prototypes().value.to_host<float>();
  for (float& w : prototypes) w *= reference.at("head_scale").get<float>();
  model.prototypes().value.copy_from_host(prototypes);
  model.prototype_bias().value.copy_from_host(reference.at("head_bias").get<std::vector<float>>());
}

inline ImageSet images_of(const std::filesystem::path& images_file, const std::filesystem::path& labels_file) {
  const NpyArray images = read_npy(images_file), labels = read_npy(labels_file);
  ImageSet set{images.shape[0], images.shape[1], images.shape[2], images.shape[3], {}, {}, {}};
  for (const float v : images.to_float()) set.bytes.push_back(static_cast<std::uint8_t>(v));
  for (const std::int64_t y : labels.to_int()) set.labels.push_back(static_cast<std::int32_t>(y));
  return set;
}
inline ImageSet golden_images(std::int64_t n) {
  return images_of(attack_golden("images.npy"), attack_golden("labels.npy")).first(n);
}
inline ImageSet color_images(std::int64_t n) {
  return images_of(color_golden("images.npy"), color_golden("labels.npy")).first(n);
}

}  // namespace kelvin::testing
