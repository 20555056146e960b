// MART's loss, row by row (Wang et al. 2020, "Improving adversarial robustness requires revisiting misclassified examples"), with the
// constants of its reference code.
//
//   clean logits z, adversarial logits z' [rows, C], labels y; temperatures τ (outer), τ_p, τ_q (device scalars)
//   u = softmax(z'/τ),  p = softmax(z/τ_p),  q = softmax(z'/τ_q),  k = argmax_{j≠y} u_j (the first of equals)
//   bce_i  = −log u_y − log(1.0001 − u_k + 1e-12)                            boosted cross-entropy
//   R_i    = Σ_j p_j (log p_j − log(q_j + 1e-12)),   W_i = 1.0000001 − p_y    regulariser, weighted by how wrong the clean image is
//   loss_i = weights[0] bce_i + weights[1] R_i W_i                            weights: [2] device memory, (1, λ) in the paper
//
// Backward, with r_j = p_j q_j / (q_j + 1e-12) and s = u_k / (1.0001 − u_k + 1e-12):
//   ∂L/∂z'_j = dloss ( weights[0] (u_j − 1[j=y] + s (1[j=k] − u_j)) / τ − weights[1] W (r_j − q_j Σ_m r_m) / τ_q )
//   ∂L/∂z_j  = dloss weights[1] ( W p_j (log p_j − log(q_j + 1e-12) − R) − R p_y (1[j=y] − p_j) ) / τ_p
// Both arguments carry gradient, as in the reference. 1.0001 and 1.0000001 assume probabilities at τ = 1: at a high τ no u_k comes near
// 1 and the boost is weak. float32; outputs are overwritten; rows are independent and deterministic. C >= 2.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

struct MartInputs {
  View<const float> clean, adversarial;               // logits [rows, C]
  View<const std::int32_t> labels;                    // [rows]
  View<const float> tau, tau_clean, tau_adversarial;  // [1] each: τ, τ_p, τ_q
  View<const float> weights;                          // [2]
};

void mart_loss_forward(Cpu, View<float> loss, const MartInputs& in);
void mart_loss_forward(const Cuda&, View<float> loss, const MartInputs& in);

void mart_loss_backward_clean(Cpu, View<float> dclean, View<const float> dloss, const MartInputs& in);
void mart_loss_backward_clean(const Cuda&, View<float> dclean, View<const float> dloss, const MartInputs& in);

void mart_loss_backward_adversarial(Cpu, View<float> dadversarial, View<const float> dloss, const MartInputs& in);
void mart_loss_backward_adversarial(const Cuda&, View<float> dadversarial, View<const float> dloss,
                                    const MartInputs& in);

inline constexpr float kMartBoost = 1.0001f, kMartWeight = 1.0000001f, kMartEpsilon = 1e-12f;

}  // namespace kelvin
