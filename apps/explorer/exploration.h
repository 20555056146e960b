// What the explorer's page is made of: some test images, the same for all models, and what each model and its attacks
// make of them.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/explorer/choice.h"
#include "apps/explorer/class_plane.h"
#include "apps/explorer/path.h"

namespace kelvin {

struct ExplorerOptions {
  int images = 12;
  std::uint64_t seed = 0;  // of the choice of the images; the attack has its own
  std::int64_t batch_size = 250;
  AttackOptions attack = {};  // PGD in L∞, untargeted; its loss is set to each of the two in turn
};
[[nodiscard]] Fields explorer_fields(ExplorerOptions& options);

struct ModelToExplore {
  Model* model = nullptr;
  std::string run, name;  // its folder; its model's name
  double train_tau = 1;
  std::vector<std::string> notes{};
};

// One attack loss at one image: cross-entropy or log-odds.
struct LossView {
  std::vector<float> gradient;  // ∂loss/∂x at the clean image [pixels]
  double loss = 0;              // there
  AttackPath path;
};

// One image as one model has it.
struct ModelView {
  ImageKind kind = ImageKind::right;
  std::int32_t prediction = 0;
  float margin = 0;           // z_y − max_{j≠y} z_j
  std::vector<float> logits;  // [C]
  LossView cross_entropy, log_odds;
  ClassPlane plane;
  std::vector<float> feature;  // f(x) [d]
};

struct ExploredModel {
  ModelToExplore about;
  double accuracy = 0;  // on the images chosen from
  std::vector<ModelView> images;
};

struct Exploration {
  std::string data;
  std::vector<std::string> class_names;
  std::int64_t chosen_from = 0;        // images
  std::vector<std::size_t> positions;  // in the set; of each chosen image
  ImageSet images;                     // the chosen ones
  std::vector<float> starts;           // where the attacks start [N, H, W, C]
  AttackOptions attack;
  std::vector<ExploredModel> models;
};

// Chooses the images and measures every model on them. The models classify the labels of `set` alike. Throws a mistake
// for invalid options, and where the page would be larger than kMostPageBytes. `progress` may be empty.
[[nodiscard]] Exploration explore(const std::vector<ModelToExplore>& models, const ImageSet& set,
                                  const ExplorerOptions& options, const CountFunction& progress = {});

// The page's data; its parts are described in README.md.
[[nodiscard]] nlohmann::json to_json(const Exploration& exploration);

inline constexpr std::int64_t kMostPageBytes = 3'000'000;
// An upper estimate of the page's size.
[[nodiscard]] std::int64_t page_bytes(std::int64_t images, std::int64_t models, std::int64_t pixels,
                                      std::int64_t classes, std::int64_t steps);

}  // namespace kelvin
