// The objective of a training step: one number from a batch and its adversarial version, recorded on the innermost tape.
//
//   none    mean CE(z(x)/τ, y)
//   pgd     mean CE(z(x')/τ, y)
//   trades  mean CE(z(x)/τ, y) + β mean KL(softmax(z(x)/τ_KL) ‖ softmax(z(x')/τ_KL')), gradient to both arguments
//   mart    mean MART(z(x), z(x'), y)
//
// In train mode BatchNorm's running statistics are updated once for none and pgd (x or x'), twice for mart (x, x') and three times for trades
// (x, x', x), because its reference code computes z(x) a second time. `move_statistics_again` does that third update. It needs no tape: the
// second z(x) equals the first, so using one z(x) twice gives the same gradient.
#pragma once

#include "apps/training/step_temperatures.h"
#include "models/model.h"

namespace kelvin {

struct ObjectiveBatch {
  Tensor clean, adversarial;  // [N, H, W, C]; adversarial is empty for none
  Tensor labels;              // [N]
};

struct ObjectiveValue {
  Tensor loss;    // [1]
  Tensor logits;  // [N, C] for the reported accuracy: of x' for pgd, of x otherwise
};

// BatchNorm's mode in forward passes, and the smoothing of the cross-entropy's labels (not mart's).
struct ObjectiveMode {
  Mode forward = Mode::train;
  float label_smoothing = 0;
};

// tau: the temperature of the cross-entropy, usually t.outer; a learned one is the output of an op, so that the tape records it.
[[nodiscard]] ObjectiveValue objective(Model& model, const AdversarialOptions& options, const StepTemperatures& t,
                                       const Tensor& tau, const ObjectiveMode& mode, const ObjectiveBatch& batch);

// The part of trades and mart after the forward passes: the loss [1] from both logits.
[[nodiscard]] Tensor objective_of_logits(const AdversarialOptions& options, const StepTemperatures& t,
                                         const Tensor& tau, const Tensor& clean, const Tensor& adversarial,
                                         const Tensor& labels, float label_smoothing = 0);

void move_statistics_again(Model& model, const AdversarialOptions& options, const ObjectiveMode& mode,
                           const ObjectiveBatch& batch);

}  // namespace kelvin
