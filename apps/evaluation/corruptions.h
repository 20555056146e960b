// Accuracy under common corruptions generated from the clean test set.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "models/model.h"

namespace kelvin {

struct CorruptionRow {
  std::string corruption;
  int severity = 0;
  double accuracy = 0;
  std::vector<std::uint8_t> correct;  // one flag an image
};

struct CorruptionTable {
  std::vector<CorruptionRow> rows;
  std::int64_t n = 0;                          // images a row
  [[nodiscard]] double mean_accuracy() const;  // over the rows
};

// Every named corruption at every severity. `on_images` (may be empty) is given each corrupted set before it is evaluated.
[[nodiscard]] CorruptionTable corruption_accuracy(
    Model& model, const ImageSet& clean, const std::vector<std::string>& names, const std::vector<int>& severities,
    std::uint64_t seed, std::int64_t batch_size,
    const std::function<void(const CorruptionRow&, const ImageSet&)>& on_images = {},
    const std::function<void(std::int64_t done, std::int64_t total)>& progress = {});

}  // namespace kelvin
