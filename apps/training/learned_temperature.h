// A temperature that training chooses: τ = e^s, s a parameter with a learning rate of its own and no weight decay.
//
//   ∂L/∂s = (z_y − Σ_j p_j z_j) / τ                                         (kernels/losses/temperature_gradient.h; × τ from e^s)
//
// It means something only where the size of the logits is fixed, as in the cosine classifier: otherwise scale moves freely between the
// last layer and τ. s, its gradient and the optimizer's state live in device memory; nothing is read back during an epoch.
#pragma once

#include <map>
#include <string>

#include "engine/optim.h"

namespace kelvin {

class LearnedTemperature {
 public:
  // Starts at τ = `start`. The optimizer is of the model's kind.
  LearnedTemperature(double start, OptimizerOptions options, Device device);

  [[nodiscard]] const Parameter& log_tau() const { return *parameters_.begin(); }  // [1]
  void zero_gradient() const { parameters_.zero_gradients(); }
  void step(const Tensor& lr) { optimizer_.step(lr); }
  [[nodiscard]] double value() const;  // τ; reads device memory

  // Everything that a checkpoint must hold, by name: "temperature.log_tau" and the optimizer's state under "temperature.".
  [[nodiscard]] std::map<std::string, Tensor> state() const;

 private:
  Parameters parameters_;
  Optimizer optimizer_;
};

}  // namespace kelvin
