// Accuracy under common corruptions, alone or against a baseline model on the same images.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "models/model.h"

namespace kelvin {

// Comparison with the baseline on the same images.
struct Paired {
  double baseline_accuracy = 0;
  std::int64_t only_model = 0, only_baseline = 0;  // images that only one of the two classifies correctly
  // McNemar's exact test: the probability of a split at least as uneven among those images if either model were equally likely to be right.
  [[nodiscard]] double p_value() const;
};

struct CorruptionRow {
  std::string corruption;
  int severity = 0;
  double accuracy = 0;
  std::vector<std::uint8_t> correct;  // one flag for each image
  std::optional<Paired> paired;
};

struct CorruptionTable {
  std::vector<CorruptionRow> rows;
  std::int64_t n = 0;                          // images in each row
  [[nodiscard]] double mean_accuracy() const;  // over the rows: 1 − the unnormalised "mCE" of CIFAR papers

  // CE of a corruption is the sum of the model's errors over its severities divided by the baseline's; mCE is the mean over the corruptions
  // (Hendrycks & Dietterich 2019, with the baseline in place of AlexNet). A corruption without an error of the baseline is left out. Absent
  // without a baseline, or if every corruption is left out.
  [[nodiscard]] std::optional<double> mce() const;
  // The same with the error that a corruption adds to the clean error. A corruption that adds nothing to the baseline's is left out.
  [[nodiscard]] std::optional<double> relative_mce(double clean_accuracy, double baseline_clean_accuracy) const;
  [[nodiscard]] bool has_baseline() const;  // of every row
  // The corruptions that mce and relative_mce leave out.
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
