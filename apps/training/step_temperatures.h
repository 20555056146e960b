// The temperatures and weights of one training step, in device memory: a recorded step reads them, the host or a learned τ writes them.
#pragma once

#include "apps/training/adversarial.h"
#include "engine/tensor.h"

namespace kelvin {

struct StepTemperatures {
  StepTemperatures(const AdversarialOptions& options, Device device);

  // The training temperature of this step; everything that follows it is set too.
  void set(double tau);
  // The same from a number that only the device knows: τ = e^s. Without balance_tau.
  void set_from_log(const Tensor& log_tau) const;

  Tensor outer;                            // τ of the cross-entropy
  Tensor inner_clean, inner_adversarial;   // τ_in; the first is p(x)'s where the inner attack maximises TRADES' KL
  Tensor clean, adversarial;               // of p(x) and p(x') in the KL term
  Tensor cross_entropy_weight, kl_weight;  // [1]: (1, β or λ), times temperatures where they are balanced
  Tensor weights;                          // [2]: both, as MART's kernel wants them

 private:
  AdversarialOptions options_;
  // What all are set for. Where it stays nothing is written: each number is a copy of its own on a GPU.
  double tau_ = 0;
};

}  // namespace kelvin
