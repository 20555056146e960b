// Losses between a clean and an adversarial view of the same images, one number a row: logits [N, C] float32 -> [N].
// Temperatures and weights are float32 tensors in device memory, so that they may change between replays of a captured step.
#pragma once

#include "engine/tensor.h"

namespace kelvin {

// KL(softmax(a / τ_a) ‖ softmax(b / τ_b)); gradient to both (kernels/losses/softmax_kl.h). tau_a, tau_b: [1].
[[nodiscard]] Tensor softmax_kl(const Tensor& a, const Tensor& b, const Tensor& tau_a, const Tensor& tau_b);

// MART: weights[0] boosted cross-entropy + weights[1] weighted KL; gradient to both logits (kernels/losses/mart_loss.h).
struct MartTerms {
  Tensor tau, tau_clean, tau_adversarial;  // [1]: of the cross-entropy, of p, of q
  Tensor weights;                          // [2]
};
[[nodiscard]] Tensor mart_loss(const Tensor& clean, const Tensor& adversarial, const Tensor& labels,
                               const MartTerms& terms);

}  // namespace kelvin
