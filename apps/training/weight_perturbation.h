// Adversarial weight perturbation (Wu, Xia & Wang 2020, 2004.05884): the gradient of a step is taken not at θ but at θ + v, where v
// ascends the same robust loss, each weight tensor by a fraction γ of its own length (kernels/attacks/weight_perturbation.h).
//
//   gradients of the loss at θ -> perturb() -> gradients at θ + v -> optimizer step -> restore()
//
// Only tensors of two or more dimensions whose name contains "weight" move: no biases, no norms. The reference computes the first
// gradient on a copy of the model, whose BatchNorm statistics are its own; here the statistics are put back instead.
#pragma once

#include <vector>

#include "engine/parameters.h"

namespace kelvin {

class WeightPerturbation {
 public:
  WeightPerturbation(const Parameters& parameters, double gamma);

  void keep_statistics() const;  // before the forward pass at θ
  // Puts the statistics back and moves the weights along their gradients.
  void perturb() const;
  void restore() const;  // takes the move back, after the optimizer's step

 private:
  struct Perturbed {
    const Parameter* parameter;
    Tensor undo;  // like its value
  };
  const Parameters& parameters_;
  float gamma_;
  std::vector<Perturbed> weights_;
  Tensor statistics_;  // copy of the buffers; empty where the model has none
};

}  // namespace kelvin
