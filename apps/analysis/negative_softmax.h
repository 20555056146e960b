// The gradient of one example's cross-entropy L = −log softmax(z/τ)_y, split into a direction and a step size.
//
//   α_j      = softmax over the negative classes j ≠ y of z_j/τ      the share of each wrong class; sums to 1
//   1 − p_y  = 1 / (1 + exp(z_y/τ − logsumexp_{j≠y} z_j/τ))           the probability of the wrong classes
//   ∂L/∂z_y  = −(1 − p_y)/τ,   ∂L/∂z_j = α_j (1 − p_y)/τ
//
// τ → 0: α is one-hot on the hardest negative class; τ → ∞: 1/(C − 1) each. The form with α and log-odds has no cancellation. In contrast,
// p_y − 1 in float32 is 0 from a gap of about 17; in double 1 − p_y reaches 0 at about 745 τ.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace kelvin {

struct NegativeSoftmax {
  std::vector<double> alpha;  // [C]; 0 for the label
  double error = 0;           // 1 − p_y
};

// logits [C], C ≥ 2; label < C; τ > 0.
[[nodiscard]] NegativeSoftmax negative_softmax(std::span<const float> logits, std::size_t label, double tau);

// exp(entropy of α): between 1 (only one class contributes) and C − 1 (all contribute equally).
[[nodiscard]] double effective_negatives(const NegativeSoftmax& s);

// Cosine between ∂L/∂z at two temperatures, which is also that of ∂L/∂W = ∂L/∂z fᵀ, as f does not depend on τ:
// (1 + Σ α_j α'_j) / √((1 + Σ α_j²)(1 + Σ α'_j²)).
[[nodiscard]] double cosine_of_logit_gradients(const NegativeSoftmax& a, const NegativeSoftmax& b);

}  // namespace kelvin
