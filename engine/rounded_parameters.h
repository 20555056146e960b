// A model's parameters in another element type, converted together: on a GPU one launch a step instead of one a layer.
#pragma once

#include "engine/parameters.h"

namespace kelvin {

// While one exists, `rounded` uses the innermost of this thread, and the parameters must not change. A tape that watches parameters has one.
class RoundedParameters {
 public:
  explicit RoundedParameters(const Parameters& parameters);
  ~RoundedParameters();
  RoundedParameters(const RoundedParameters&) = delete;
  RoundedParameters& operator=(const RoundedParameters&) = delete;

 private:
  friend Tensor rounded(const Tensor& w, DType dtype);
  const Parameters& parameters_;
  Tensor values_;  // all parameters, from the first call of `rounded` on
  RoundedParameters* outer_;
};

// w in another element type: on a GPU a view into the converted parameters if w is one of them, otherwise a copy.
[[nodiscard]] Tensor rounded(const Tensor& w, DType dtype);

}  // namespace kelvin
