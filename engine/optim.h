// Optimizers over the flat buffers of Parameters: one kernel call for every stretch of neighbours that share weight decay and learning
// rate. Without scales that is two: the parameters that decay, and the others.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/parameters.h"

namespace kelvin {

struct OptimizerOptions {
  enum class Kind { sgd, adam, adamw } kind = Kind::sgd;
  float momentum = 0.9f;                            // sgd
  bool nesterov = false;                            // sgd
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;  // adam, adamw
  float weight_decay = 0.0f;
};

// The factor of a parameter's learning rate. 0: frozen, it neither moves nor decays.
using LrScale = std::function<float(const Parameter&)>;

class Optimizer {
 public:
  // Keeps a reference to `parameters`. State starts at zero. An empty `lr_scale` is 1 for every parameter.
  Optimizer(const Parameters& parameters, const OptimizerOptions& options, const LrScale& lr_scale = {});

  // Kernel calls a step.
  [[nodiscard]] std::size_t launches() const { return ranges_.size(); }

  // Updates the values with their gradients. lr: [1] float32 on the parameters' device.
  void step(const Tensor& lr);

  // State to save and restore with a checkpoint, by name: "optimizer.momentum" or "optimizer.exp_avg",
  // "optimizer.exp_avg_sq" and "optimizer.step".
  [[nodiscard]] const std::map<std::string, Tensor>& state() const { return state_; }

 private:
  struct Range {  // elements [begin, end) of the flat buffers
    std::int64_t begin, end;
    float weight_decay, lr_scale;
  };
  void add_range(const Range& range);
  void step_range(const Range& range, const Tensor& lr);

  const Parameters& parameters_;
  OptimizerOptions options_;
  std::vector<Range> ranges_;
  std::map<std::string, Tensor> state_;
};

}  // namespace kelvin
