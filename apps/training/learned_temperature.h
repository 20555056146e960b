// A temperature that is learned: τ = e^s, where s is a parameter with its own learning rate and no weight decay.
//
//   ∂L/∂s = (z_y − Σ_j p_j z_j) / τ                                         (kernels/losses/temperature_gradient.h; × τ from e^s)
//
// It is meaningful only if the scale of the logits is fixed, as in the cosine classifier: otherwise the last layer can undo any change of τ.
// s, its gradient and the optimizer's state are in device memory; nothing is read back during an epoch.
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

  // The tensors for the checkpoint, by name: "temperature.log_tau" and the optimizer's state under "temperature.".
  [[nodiscard]] std::map<std::string, Tensor> state() const;

 private:
  Parameters parameters_;
  Optimizer optimizer_;
};

}  // namespace kelvin
