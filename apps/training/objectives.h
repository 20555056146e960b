// What a training step minimises: from a batch and its adversarial version to one number, recorded on the innermost tape.
//
//   none    mean CE(z(x)/τ, y)
//   pgd     mean CE(z(x')/τ, y)
//   trades  mean CE(z(x)/τ, y) + β mean KL(softmax(z(x)/τ_KL) ‖ softmax(z(x')/τ_KL')), gradient to both arguments
//   mart    mean MART(z(x), z(x'), y)
//
// In train mode BatchNorm's running statistics move once for none and pgd (x or x'), twice for mart (x, x') and
// three times for trades (x, x', x): its reference code computes z(x) a second time. `move_statistics_again` makes that third move,
// without a tape, since the second z(x) equals the first and adding both gradients is what one z(x) used twice does.
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
  Tensor logits;  // [N, C] whose accuracy is reported: of x' for pgd, of x otherwise
};

// How forward passes run: BatchNorm's mode, and the smoothing of the cross-entropy's labels (not mart's).
struct ObjectiveMode {
  Mode forward = Mode::train;
  float label_smoothing = 0;
};

// tau: the temperature of the cross-entropy, usually t.outer; a learned one is an op's output, so that the tape follows it.
[[nodiscard]] ObjectiveValue objective(Model& model, const AdversarialOptions& options, const StepTemperatures& t,
                                       const Tensor& tau, const ObjectiveMode& mode, const ObjectiveBatch& batch);

// The part of trades and mart that follows the forward passes: from both logits to the loss [1].
[[nodiscard]] Tensor objective_of_logits(const AdversarialOptions& options, const StepTemperatures& t,
                                         const Tensor& tau, const Tensor& clean, const Tensor& adversarial,
                                         const Tensor& labels, float label_smoothing = 0);

void move_statistics_again(Model& model, const AdversarialOptions& options, const ObjectiveMode& mode,
                           const ObjectiveBatch& batch);

}  // namespace kelvin
