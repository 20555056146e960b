// What fine-tuning adds to a training step: clipping, smoothed labels, averaged weights, accumulation, frozen and slower layers.
//
// One optimizer step is: zero the gradients; for each of `accumulate` batches the loss's gradient, weighted by the batch's share of the
// images; clip; step; average. All of it is device work without a read-back, and everything it keeps is in the checkpoint.
#pragma once

#include "apps/run/fields.h"
#include "engine/optim.h"
#include "models/model.h"

namespace kelvin {

struct FineTuningOptions {
  float clip_gradient_norm = 0;  // largest ‖g‖₂ over all trained parameters together; 0: not clipped
  float label_smoothing = 0;     // S: labels (1 − S) one-hot + S/C, against softmax(z/τ)
  double ema_decay = 0;          // d of the averaged weights (engine/weight_average.h); 0: none kept
  int accumulate = 1;            // batches an optimizer step; the last step of an epoch takes what is left
  bool freeze_backbone =
      false;  // only the prototypes train; BatchNorm uses and keeps its running statistics, nothing is dropped
  float head_lr_scale = 1;  // multiplies the learning rate of the prototypes
  float layer_decay = 1;    // D: layer l of n learns at D^(n − 1 − l) times the rate (models/layer_groups.h)
};

[[nodiscard]] Fields fine_tuning_fields(FineTuningOptions& options);
void check_options(const FineTuningOptions& options, const std::string& model);  // throws a mistake

// What each parameter's learning rate is multiplied by; empty where that is 1 for all.
[[nodiscard]] LrScale lr_scale_of(const FineTuningOptions& options, const Model& model);
// The parameters that train.
[[nodiscard]] std::vector<const Parameter*> trained_parameters(const FineTuningOptions& options, const Model& model);

[[nodiscard]] nlohmann::json to_json(const FineTuningOptions& options);

}  // namespace kelvin
