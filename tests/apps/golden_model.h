// The small trained network and the 100 images that torchattacks attacked: tests/golden/attacks (tools/golden/attacks.py).
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

inline nlohmann::json attack_reference() {
  std::ifstream in(attack_golden("reference.json"));
  return nlohmann::json::parse(in);
}

// `scale` multiplies the logits: a change that moves no decision boundary.
inline std::unique_ptr<Model> golden_model(float scale = 1) {
  const nlohmann::json reference = attack_reference();
  auto model = make_model({.name = "resnet8",
                           .channels = 1,
                           .height = 28,
                           .width = 28,
                           .mean = reference.at("mean").get<std::vector<float>>(),
                           .std = reference.at("std").get<std::vector<float>>()},
                          {}, 0);
  load_parameters(read_safetensors(attack_golden("weights.safetensors")), model->parameters());
  for (const Parameter* p : {&model->prototypes(), &model->prototype_bias()}) {
    std::vector<float> values = p->value.to_host<float>();
    for (float& v : values) v *= scale;
    p->value.copy_from_host(values);
  }
  return model;
}

inline ImageSet golden_images(std::int64_t n) {
  const NpyArray images = read_npy(attack_golden("images.npy")), labels = read_npy(attack_golden("labels.npy"));
  ImageSet set;
  set.count = images.shape[0];
  set.height = set.width = 28;
  set.channels = 1;
  for (const float v : images.to_float()) set.bytes.push_back(static_cast<std::uint8_t>(v));
  for (const std::int64_t y : labels.to_int()) set.labels.push_back(static_cast<std::int32_t>(y));
  return set.first(n);
}

}  // namespace kelvin::testing
