// The temperatures and weights of one training step, in device memory. A recorded step reads them; the host or a learned τ writes them.
#pragma once

#include "apps/training/adversarial.h"
#include "engine/tensor.h"

namespace kelvin {

struct StepTemperatures {
  StepTemperatures(const AdversarialOptions& options, Device device);

  // Sets the training temperature of this step and all values that depend on it.
  void set(double tau);
  // The same from a number in device memory, τ = e^s. Not with balance_tau.
  void set_from_log(const Tensor& log_tau) const;

  Tensor outer;                            // τ of the cross-entropy
  Tensor inner_clean, inner_adversarial;   // τ_in; inner_clean is for p(x) if the inner attack maximises TRADES' KL
  Tensor clean, adversarial;               // of p(x) and p(x') in the KL term
  Tensor cross_entropy_weight, kl_weight;  // [1]: 1 and β or λ, times temperatures with balance_tau
  Tensor weights;                          // [2]: both, for MART's kernel

 private:
  AdversarialOptions options_;
  // The τ that the tensors hold. Nothing is written if it does not change: on a GPU each number is a separate copy.
  double tau_ = 0;
};

}  // namespace kelvin
