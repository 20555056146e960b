#include "apps/cli/fine_tuning_flags.h"

#include "apps/cli/common.h"

namespace kelvin {
namespace {

void add_step_flags(CLI::App& c, FineTuningOptions& o) {
  c.add_option("--clip-gradient-norm", o.clip_gradient_norm, "Largest norm of the whole gradient; 0: not clipped")
      ->transform(fraction())
      ->capture_default_str();
  c.add_option("--label-smoothing", o.label_smoothing, "S: train against (1 - S) one-hot + S/classes")
      ->transform(fraction())
      ->capture_default_str();
  c.add_option("--ema", o.ema_decay,
               "Decay of an exponential moving average of the weights, kept and evaluated beside them; 0: none")
      ->transform(fraction())
      ->capture_default_str();
  c.add_option("--accumulate", o.accumulate, "Batches whose gradients one optimizer step takes together")
      ->capture_default_str();
  c.add_flag("--freeze-backbone", o.freeze_backbone,
             "Train the last layer only; BatchNorm keeps its running statistics");
  c.add_option("--head-lr-scale", o.head_lr_scale, "Multiplies the learning rate of the last layer")
      ->transform(fraction())
      ->capture_default_str();
  c.add_option("--layer-decay", o.layer_decay,
               "D: layer l of n learns at D^(n - 1 - l) times the learning rate (vit_*, resnet*)")
      ->transform(fraction())
      ->capture_default_str();
}

void add_model_flags(CLI::App& c, ModelChoice& o) {
  c.add_option("--image-size", o.image_size, "Resize images to this side inside the model, bilinear; 0: the data's own")
      ->capture_default_str();
  c.add_option("--normalize", o.normalize,
               "auto (the constants that belong to the weights of --init, else the data's), data, half or imagenet")
      ->capture_default_str();
  c.add_option("--head-init", o.head_init, "How a last layer that no file brings starts: model, zeros or normal")
      ->capture_default_str();
  c.add_option("--dropout", o.dropout, "vit_*: rate after positions, attention and MLP layers")
      ->transform(fraction())
      ->capture_default_str();
  c.add_option("--drop-path", o.drop_path, "vit_*: stochastic depth, rising linearly to this rate in the last block")
      ->transform(fraction())
      ->capture_default_str();
  c.add_flag("--checkpoint-activations", o.checkpoint_activations,
             "vit_*: compute each block again in backward instead of keeping its activations");
}

}  // namespace

void add_fine_tuning_flags(CLI::App& command, TrainOptions& options) {
  command.add_option("--beta1", options.optimizer.beta1, "adam, adamw: decay of the first moment")
      ->capture_default_str();
  command.add_option("--beta2", options.optimizer.beta2, "adam, adamw: decay of the second moment")
      ->capture_default_str();
  command.add_option("--adam-eps", options.optimizer.eps, "adam, adamw: added to the root of the second moment")
      ->transform(fraction())
      ->capture_default_str();
  add_step_flags(command, options.fine_tuning);
  add_model_flags(command, options.choice);
}

}  // namespace kelvin
