// Kullback-Leibler divergence between two rows of logits, each with a temperature of its own: TRADES' regulariser (Zhang et al. 2019,
// 1901.08573), and its inner maximisation.
//
//   logits a, b [rows, C], temperatures τ_a, τ_b > 0 (device scalars), p = softmax(a / τ_a), q = softmax(b / τ_b)
//   kl_i      = Σ_j p_ij (log p_ij − log q_ij)                       a p of exactly 0 adds nothing
//   ∂L/∂a_ij  = dkl_i p_ij (log p_ij − log q_ij − kl_i) / τ_a
//   ∂L/∂b_ij  = dkl_i (q_ij − p_ij) / τ_b
//
// float32, logarithms taken before exponentials, so that a probability that underflows costs no accuracy. Outputs are overwritten; rows
// are independent and deterministic.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

struct KlInputs {
  View<const float> a, b;          // logits [rows, C]
  View<const float> tau_a, tau_b;  // [1]
};

void softmax_kl_forward(Cpu, View<float> kl, const KlInputs& in);
void softmax_kl_forward(const Cuda&, View<float> kl, const KlInputs& in);

void softmax_kl_backward_a(Cpu, View<float> da, View<const float> dkl, const KlInputs& in);
void softmax_kl_backward_a(const Cuda&, View<float> da, View<const float> dkl, const KlInputs& in);

void softmax_kl_backward_b(Cpu, View<float> db, View<const float> dkl, const KlInputs& in);
void softmax_kl_backward_b(const Cuda&, View<float> db, View<const float> dkl, const KlInputs& in);

}  // namespace kelvin
