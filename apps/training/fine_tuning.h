// What fine-tuning adds to a training step: gradient clipping, label smoothing, averaged weights, accumulation, and layers that are frozen or
// learn at a lower rate.
//
// One optimizer step zeroes the gradients; adds the gradients of `accumulate` batches, each weighted by its share of the images; clips;
// updates the weights; averages them. All of this is device work without a read-back, and the checkpoint holds all of its state.
#pragma once

#include "apps/run/fields.h"
#include "engine/optim.h"
#include "models/model.h"

namespace kelvin {

struct FineTuningOptions {
  float clip_gradient_norm = 0;  // largest ‖g‖₂ over all trained parameters together; 0: not clipped
  float label_smoothing = 0;     // S: labels (1 − S) one-hot + S/C, against softmax(z/τ)
  double ema_decay = 0;          // d of the averaged weights (engine/weight_average.h); 0: none kept
  int accumulate = 1;            // batches for each optimizer step; the last step of an epoch may have fewer
  bool freeze_backbone =
      false;  // only the prototypes train; BatchNorm uses its running statistics and does not update them; no dropout
  float head_lr_scale = 1;  // multiplies the learning rate of the prototypes
  float layer_decay = 1;    // D: layer l of n learns at D^(n − 1 − l) times the rate (models/layer_groups.h)
};

[[nodiscard]] Fields fine_tuning_fields(FineTuningOptions& options);
void check_options(const FineTuningOptions& options, const std::string& model);  // throws a mistake

// The factor of each parameter's learning rate; empty if all are 1.
[[nodiscard]] LrScale lr_scale_of(const FineTuningOptions& options, const Model& model);
// The parameters that train.
[[nodiscard]] std::vector<const Parameter*> trained_parameters(const FineTuningOptions& options, const Model& model);

[[nodiscard]] nlohmann::json to_json(const FineTuningOptions& options);

}  // namespace kelvin
