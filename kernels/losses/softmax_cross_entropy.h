// Temperature-scaled softmax cross-entropy, row by row: the loss this program exists to study.
//
//   logits z [rows, C], labels y [rows] in [0, C), temperature τ > 0 (device scalar), p = softmax(z / τ)
//   loss_i   = logsumexp_j(z_ij / τ) − z_iy / τ                     (2502.20604; Hinton et al. 2015, 1503.02531)
//   ∂L/∂z_ij = dloss_i (p_ij − 1[j = y_i]) / τ
//
// With label smoothing S (Szegedy et al. 2016, 1512.00567; PyTorch's cross_entropy of z/τ) the label is q = (1 − S) 1[j = y] + S/C:
//   loss_i   = −Σ_j q_j log p_ij;   ∂L/∂z_ij = dloss_i (p_ij − q_j) / τ       0 <= S <= 1; S = 0 is exactly the loss above
//
// T: float or double (double serves analytic checks). The arithmetic is that of every framework's float32 loss, on purpose:
// exp keeps denormals and the true class's gradient is p_y − 1 as computed, so it rounds to 0 once the gap to the other
// logits exceeds about 17–20 τ, and the whole row's gradient is exactly 0 beyond about 104 τ: e^−17.3 = 2^−25 is half a step of
// float32 below 1, so 1 − p_y is 0 from there; e^−104 = 2^−150 is half the smallest denormal, so p_j is 0. `log_odds_cross_entropy` is the
// same loss without that. On a GPU the label's p_y − 1 rounds to 0 up to 3 τ later, because small terms meet before they are lost beside 1; where a
// whole row is 0 is the same. Outputs are overwritten; rows are independent and deterministic.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

template <class T>
void softmax_cross_entropy_forward(Cpu, View<T> loss, View<const T> logits, View<const std::int32_t> labels,
                                   View<const T> tau, float smoothing = 0.0f);
template <class T>
void softmax_cross_entropy_forward(const Cuda&, View<T> loss, View<const T> logits, View<const std::int32_t> labels,
                                   View<const T> tau, float smoothing = 0.0f);

template <class T>
void softmax_cross_entropy_backward(Cpu, View<T> dlogits, View<const T> dloss, View<const T> logits,
                                    View<const std::int32_t> labels, View<const T> tau, float smoothing = 0.0f);
template <class T>
void softmax_cross_entropy_backward(const Cuda&, View<T> dlogits, View<const T> dloss, View<const T> logits,
                                    View<const std::int32_t> labels, View<const T> tau, float smoothing = 0.0f);

}  // namespace kelvin
