// Log-odds cross-entropy: cross-entropy as an attack sees it in exact arithmetic.
//
//   L_i       = logsumexp_{j≠y}(z_ij / τ) − z_iy / τ = log((1 − p_y) / p_y),  so CE = log(1 + e^L) and ∇CE = (1 − p_y) ∇L
//   ∂L/∂z_ij  = dloss_i · q_ij / τ with q = softmax over the classes j ≠ y;   ∂L/∂z_iy = −dloss_i / τ
//
// Every attack that uses only the sign or the direction of the gradient is the same attack on CE, but this gradient never
// underflows: its components over j ≠ y always sum to 1/τ. τ → 0 gives the margin loss. T: float or double. C ≥ 2.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

template <class T>
void log_odds_cross_entropy_forward(Cpu, View<T> loss, View<const T> logits, View<const std::int32_t> labels,
                                    View<const T> tau);
template <class T>
void log_odds_cross_entropy_forward(const Cuda&, View<T> loss, View<const T> logits, View<const std::int32_t> labels,
                                    View<const T> tau);

template <class T>
void log_odds_cross_entropy_backward(Cpu, View<T> dlogits, View<const T> dloss, View<const T> logits,
                                     View<const std::int32_t> labels, View<const T> tau);
template <class T>
void log_odds_cross_entropy_backward(const Cuda&, View<T> dlogits, View<const T> dloss, View<const T> logits,
                                     View<const std::int32_t> labels, View<const T> tau);

}  // namespace kelvin
