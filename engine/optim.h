// Optimizers over the flat buffers of Parameters: one kernel call for the parameters that decay, one for the others.
#pragma once

#include <map>
#include <string>

#include "engine/parameters.h"

namespace kelvin {

struct OptimizerOptions {
  enum class Kind { sgd, adam, adamw } kind = Kind::sgd;
  float momentum = 0.9f;                            // sgd
  bool nesterov = false;                            // sgd
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;  // adam, adamw
  float weight_decay = 0.0f;
};

class Optimizer {
 public:
  // Keeps a reference to `parameters`. State starts at zero.
  Optimizer(const Parameters& parameters, const OptimizerOptions& options);

  // Moves the values along their gradients. lr: [1] float32 on the parameters' device.
  void step(const Tensor& lr);

  // State to save and restore with a checkpoint, by name: "optimizer.momentum" or "optimizer.exp_avg",
  // "optimizer.exp_avg_sq" and "optimizer.step".
  [[nodiscard]] const std::map<std::string, Tensor>& state() const { return state_; }

 private:
  void step_range(std::int64_t begin, std::int64_t end, float weight_decay, const Tensor& lr);

  const Parameters& parameters_;
  OptimizerOptions options_;
  std::map<std::string, Tensor> state_;
};

[[nodiscard]] OptimizerOptions::Kind optimizer_of(const std::string& name);  // sgd, adam, adamw; throws: unknown

}  // namespace kelvin
