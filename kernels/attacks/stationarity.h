// What the gradient at x says about an L∞ attack, image by image: whether the gradient is zero, and how far x is from a stationary point
// of the attack (Wang et al. 2019, "On the convergence and robustness of adversarial training").
//
//   fosc_i    = ε ‖g_i‖₁ − ⟨x_i − x0_i, g_i⟩ >= 0       first-order stationarity: 0 where no first-order step can gain, a corner of the ball
//   is_zero_i = 1 where every element of g_i is exactly 0, otherwise 0
//
// A zero gradient gives fosc 0 too: read both. x, x0, g [N, ...] float32; fosc, is_zero [N] float32, overwritten. Sums in double in a
// fixed order: deterministic.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

void stationarity(Cpu, View<float> fosc, View<float> is_zero, View<const float> x, View<const float> x0,
                  View<const float> g, float eps);
void stationarity(const Cuda&, View<float> fosc, View<float> is_zero, View<const float> x, View<const float> x0,
                  View<const float> g, float eps);

}  // namespace kelvin
