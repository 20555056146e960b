// Adversarial weight perturbation (Wu, Xia & Wang 2020, 2004.05884): the gradient of a step is computed at θ + v instead of θ. v is one
// ascent step on the same robust loss; its length for each weight tensor is γ times the tensor's norm (kernels/attacks/weight_perturbation.h).
//
//   gradients of the loss at θ -> perturb() -> gradients at θ + v -> optimizer step -> restore()
//
// Only tensors of two or more dimensions whose name contains "weight" are perturbed: no biases, no norms. The reference computes the first
// gradient on a copy of the model with its own BatchNorm statistics; here the statistics are restored instead.
#pragma once

#include <vector>

#include "engine/parameters.h"

namespace kelvin {

class WeightPerturbation {
 public:
  WeightPerturbation(const Parameters& parameters, double gamma);

  void keep_statistics() const;  // before the forward pass at θ
  // Restores the statistics and moves the weights along their gradients.
  void perturb() const;
  void restore() const;  // takes the perturbation back, after the optimizer's step

 private:
  struct Perturbed {
    const Parameter* parameter;
    Tensor undo;  // like its value
  };
  const Parameters& parameters_;
  float gamma_;
  std::vector<Perturbed> weights_;
  Tensor statistics_;  // copy of the buffers; empty if the model has none
};

}  // namespace kelvin
