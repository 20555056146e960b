// Multiplies a model's logits by a positive factor for the life of the object: losses change, the classification does not.
#pragma once

#include <vector>

#include "models/model.h"

namespace kelvin {

// The prototypes and their bias, or the scale of a cosine classifier, are restored bit for bit.
class LogitScale {
 public:
  LogitScale(Model& model, float factor) : model_(model), cosine_scale_(model.spec().cosine_scale) {
    if (is_cosine()) {
      model_.set_cosine_scale(cosine_scale_ * static_cast<double>(factor));
      return;
    }
    for (const Parameter* p : {&model.prototypes(), &model.prototype_bias()}) {
      saved_.push_back(p->value.to_host<float>());
      std::vector<float> scaled = saved_.back();
      for (float& v : scaled) v *= factor;
      p->value.copy_from_host(scaled);
    }
  }
  ~LogitScale() {
    if (is_cosine()) {
      model_.set_cosine_scale(cosine_scale_);
      return;
    }
    model_.prototypes().value.copy_from_host(saved_[0]);
    model_.prototype_bias().value.copy_from_host(saved_[1]);
  }
  LogitScale(const LogitScale&) = delete;
  LogitScale& operator=(const LogitScale&) = delete;

 private:
  [[nodiscard]] bool is_cosine() const { return model_.spec().classifier == "cosine"; }

  Model& model_;
  double cosine_scale_;
  std::vector<std::vector<float>> saved_;
};

}  // namespace kelvin
