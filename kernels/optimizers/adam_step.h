// Adam (Kingma & Ba 2015, 1412.6980) and AdamW (Loshchilov & Hutter 2019, 1711.05101) over flat buffers, PyTorch's rule, step
// number t counting from 1:
//   Adam:  g ← ∇ + λ w        AdamW:  w ← w − η λ w, g ← ∇
//   m ← β₁ m + (1 − β₁) g;   s ← β₂ s + (1 − β₂) g²
//   w ← w − η (m / (1 − β₁ᵗ)) / (sqrt(s / (1 − β₂ᵗ)) + ε)
// w, m, s, g: float32 [n]; lr and step: [1] device scalars. In place; elementwise; deterministic.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

struct AdamOptions {
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
  float weight_decay = 0.0f;  // λ
  bool decoupled = false;     // AdamW
  float lr_scale = 1.0f;      // η is lr[0] times it: learning rates of a group of parameters
};

void adam_step(Cpu, View<float> w, View<float> m, View<float> s, View<const float> g, View<const float> lr,
               View<const float> step, const AdamOptions& options);
void adam_step(const Cuda&, View<float> w, View<float> m, View<float> s, View<const float> g, View<const float> lr,
               View<const float> step, const AdamOptions& options);

}  // namespace kelvin
