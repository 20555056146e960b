// The derivative of softmax cross-entropy with respect to its temperature, row by row, for a learned τ.
//
//   dtau_i = dloss_i Σ_j (q_ij − p_ij) z_ij / τ²,  p = softmax(z / τ), q = (1 − S) 1[j = y] + S/C the label, smoothed by S
//
// For τ = e^s and S = 0 the chain rule's factor τ gives ∂L/∂s = (z_y − Σ p_j z_j)/τ. Summed as (p_j − q_j)(z_y − z_j), so that a
// large common part of the logits costs no accuracy. logits [rows, C], labels [rows], τ [1] device scalar; float32; dtau [rows] is
// overwritten; deterministic.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

void cross_entropy_temperature_gradient(Cpu, View<float> dtau, View<const float> dloss, View<const float> logits,
                                        View<const std::int32_t> labels, View<const float> tau, float smoothing = 0.0f);
void cross_entropy_temperature_gradient(const Cuda&, View<float> dtau, View<const float> dloss,
                                        View<const float> logits, View<const std::int32_t> labels,
                                        View<const float> tau, float smoothing = 0.0f);

}  // namespace kelvin
