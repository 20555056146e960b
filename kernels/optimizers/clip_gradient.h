// The second half of clipping by global norm (Pascanu et al. 2013, 1211.5063), PyTorch's clip_grad_norm_ to the constant:
//   g ← g · min(1, max_norm / (‖g‖₂ + 1e-6))
// g: float32 [n], the flat gradients of all parameters; norm: [1], ‖g‖₂ as `reduce_norm` made it (kernels/arrays/reduce.h), in device
// memory, so that nothing is read back inside a step. An infinite norm turns g to 0 (and infinite entries to NaN), a NaN to NaN,
// as in PyTorch. In place; elementwise; deterministic.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

void clip_gradient(Cpu, View<float> g, View<const float> norm, float max_norm);
void clip_gradient(const Cuda&, View<float> g, View<const float> norm, float max_norm);

// The factor above; written so that a NaN norm gives NaN.
[[nodiscard]] constexpr float clip_factor(float norm, float max_norm) {
  const float factor = max_norm / (norm + 1e-6f);
  return factor > 1.0f ? 1.0f : factor;
}

}  // namespace kelvin
