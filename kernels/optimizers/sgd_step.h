// Stochastic gradient descent with momentum over flat buffers, PyTorch's rule:
//   g ← ∇ + λ w;   v ← μ v + g (v starts at 0);   w ← w − η (g + μ v) with Nesterov, otherwise w ← w − η v
// w, v, g: float32 [n]; lr: [1] device scalar. In place; elementwise; deterministic.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

struct SgdOptions {
  float momentum = 0.9f;      // μ
  float weight_decay = 0.0f;  // λ
  bool nesterov = false;
  float lr_scale = 1.0f;  // η is lr[0] times it: learning rates of a group of parameters
};

void sgd_step(Cpu, View<float> w, View<float> v, View<const float> g, View<const float> lr, const SgdOptions& options);
void sgd_step(const Cuda&, View<float> w, View<float> v, View<const float> g, View<const float> lr,
              const SgdOptions& options);

}  // namespace kelvin
