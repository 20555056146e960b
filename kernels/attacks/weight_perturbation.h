// The step of adversarial weight perturbation (Wu, Xia & Wang 2020, 2004.05884) for one tensor: along its gradient, with a length of
// γ times the tensor's norm.
//
//   v = η g;   w ← w + d,   d = γ v ‖w‖₂ / (‖v‖₂ + 1e-20)            η = 0.01, the proxy's learning rate, cancels but for the guard
//
// w, d, g [n] float32. w is changed in place, −d is written to `undo`: adding it brings the tensor back, up to rounding, after an
// optimizer step in between. A zero gradient moves nothing. Norms are summed in double in a fixed order: deterministic.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

inline constexpr float kProxyLearningRate = 0.01f, kPerturbationGuard = 1e-20f;

void perturb_weights(Cpu, View<float> w, View<float> undo, View<const float> g, float gamma);
void perturb_weights(const Cuda&, View<float> w, View<float> undo, View<const float> g, float gamma);

}  // namespace kelvin
