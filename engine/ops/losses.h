// Losses, one number a row: logits [N, C] float32, labels [N] int32 -> [N]. Reduce them with `mean` or `sum`.
// τ is a one-element float32 tensor (device memory: it may change between replays of a captured step) or a number.
#pragma once

#include "engine/tensor.h"

namespace kelvin {

// Differentiable in τ too, where a tape tracks it. label_smoothing S in [0, 1]: against (1 − S) one-hot + S/C (kernels/losses/softmax_cross_entropy.h).
[[nodiscard]] Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& labels, const Tensor& tau,
                                           float label_smoothing = 0.0f);
[[nodiscard]] Tensor log_odds_cross_entropy(const Tensor& logits, const Tensor& labels, const Tensor& tau);
[[nodiscard]] Tensor margin_loss(const Tensor& logits, const Tensor& labels);
[[nodiscard]] Tensor dlr_loss(const Tensor& logits, const Tensor& labels);                                  // C >= 3
[[nodiscard]] Tensor targeted_dlr_loss(const Tensor& logits, const Tensor& labels, const Tensor& targets);  // C >= 4

[[nodiscard]] Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& labels, double tau);
[[nodiscard]] Tensor log_odds_cross_entropy(const Tensor& logits, const Tensor& labels, double tau);

// Means and sums over all elements of a float32 tensor -> [1].
[[nodiscard]] Tensor mean(const Tensor& x);
[[nodiscard]] Tensor sum(const Tensor& x);

// A one-element tensor that holds τ; a mistake unless τ is positive and finite.
[[nodiscard]] Tensor temperature(double tau, Device device = {});

}  // namespace kelvin
