// Accuracy under common corruptions, alone or against a baseline model on the very same images.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "models/model.h"

namespace kelvin {

// The two models on the same images, where a baseline is given.
struct Paired {
  double baseline_accuracy = 0;
  std::int64_t only_model = 0, only_baseline = 0;  // images that one alone gets right
  // McNemar's exact test: the chance of a split as uneven among those images if both models were equally likely to be the right one.
  [[nodiscard]] double p_value() const;
};

struct CorruptionRow {
  std::string corruption;
  int severity = 0;
  double accuracy = 0;
  std::vector<std::uint8_t> correct;  // one flag an image
  std::optional<Paired> paired;
};

struct CorruptionTable {
  std::vector<CorruptionRow> rows;
  std::int64_t n = 0;                          // images a row
  [[nodiscard]] double mean_accuracy() const;  // over the rows: 1 − the unnormalised "mCE" of CIFAR papers

  // With a baseline: CE of a corruption is the sum of the model's errors over its severities divided by the baseline's; mCE is the
  // mean over the corruptions (Hendrycks & Dietterich 2019, with the baseline in AlexNet's place). A corruption under which the baseline makes no
  // error has no CE and is left out. Absent without a baseline, and where every corruption is left out.
  [[nodiscard]] std::optional<double> mce() const;
  // The same of what the corruption adds to the clean error, model against baseline; one that adds nothing to the baseline's is left out.
  [[nodiscard]] std::optional<double> relative_mce(double clean_accuracy, double baseline_clean_accuracy) const;
  [[nodiscard]] bool has_baseline() const;  // of every row
  // The corruptions that those two leave out.
  [[nodiscard]] std::vector<std::string> left_out_of_mce() const;
  [[nodiscard]] std::vector<std::string> left_out_of_relative_mce(double clean_accuracy,
                                                                  double baseline_clean_accuracy) const;
};

// The images of a corruption at a severity.
using CorruptedImages = std::function<ImageSet(const std::string& name, int severity)>;

struct CorruptionHooks {
  std::function<void(const CorruptionRow&, const ImageSet&)> on_images;  // before they are evaluated
  std::function<void(std::size_t done, std::size_t total)> progress;     // rows
};

// Every named corruption at every severity, in this order. `baseline` may be null.
[[nodiscard]] CorruptionTable corruption_accuracy(Model& model, Model* baseline, const CorruptedImages& images,
                                                  const std::vector<std::string>& names,
                                                  const std::vector<int>& severities, std::int64_t batch_size,
                                                  const CorruptionHooks& hooks = {});

// Generated from the clean set by the seed (data/corruptions.h).
[[nodiscard]] CorruptedImages generated_corruptions(const ImageSet& clean, std::uint64_t seed);

[[nodiscard]] nlohmann::json to_json(const CorruptionTable& table, double train_tau);

}  // namespace kelvin
