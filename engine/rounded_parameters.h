// A model's parameters in another element type, all converted together: on a GPU one launch a step, not one a layer.
#pragma once

#include "engine/parameters.h"

namespace kelvin {

// While it lives, the innermost on this thread serves `rounded`, and the parameters must not change. A tape that watches parameters holds one.
class RoundedParameters {
 public:
  explicit RoundedParameters(const Parameters& parameters);
  ~RoundedParameters();
  RoundedParameters(const RoundedParameters&) = delete;
  RoundedParameters& operator=(const RoundedParameters&) = delete;

 private:
  friend Tensor rounded(const Tensor& w, DType dtype);
  const Parameters& parameters_;
  Tensor values_;  // all of them, once one was asked for
  RoundedParameters* outer_;
};

// w in another element type: on a GPU a part of what was converted together, if w is one of these parameters; otherwise a copy.
[[nodiscard]] Tensor rounded(const Tensor& w, DType dtype);

}  // namespace kelvin
