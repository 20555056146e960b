// Sums the gradients of all parameters over the ranks of a parallel run (kernels/processes/processes.h).
#pragma once

#include "engine/parameters.h"

namespace kelvin {

class GradientExchange {
 public:
  // Keeps a reference to `parameters`, which are allocated.
  explicit GradientExchange(const Parameters& parameters) : parameters_(parameters) {}

  // Gradients <- their sums over the ranks, after the last backward of a step. Collective.
  void exchange();

 private:
  const Parameters& parameters_;
};

}  // namespace kelvin
