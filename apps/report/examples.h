// The first images of an attacked set, clean and adversarial, for the report.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/attacks/attack.h"
#include "engine/tensor.h"

namespace kelvin {

class ExampleStrip {
 public:
  explicit ExampleStrip(std::size_t size = 8) : size_(size) {}

  // Takes those of a finished batch that belong to the strip.
  void add(std::int64_t first, const Tensor& clean, const Tensor& adversarial);
  // [{index, label, clean_prediction, adversarial_prediction, clean_png, adversarial_png}], PNG in base64. Those of
  // all ranks; collective.
  [[nodiscard]] nlohmann::json to_json(const AttackResult& result) const;

 private:
  struct Example {
    std::int64_t index;
    std::string clean_png, adversarial_png;
  };
  std::size_t size_;
  std::vector<Example> examples_;
};

}  // namespace kelvin
