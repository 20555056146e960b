#include "apps/training/fine_tuning.h"

#include <algorithm>
#include <cmath>

#include "models/layer_groups.h"

namespace kelvin {

Fields fine_tuning_fields(FineTuningOptions& o) {
  return joined(
      {group("Optimisation",
             {field("clip-gradient-norm", o.clip_gradient_norm, at_least(0),
                    "Largest norm of the whole gradient; 0: not clipped"),
              field("label-smoothing", o.label_smoothing, in(0, 1), "S: train against (1 - S) one-hot + S/classes"),
              field("ema", o.ema_decay, from_below(0, 1),
                    "Decay of an exponential moving average of the weights, kept and evaluated beside them; 0: none"),
              field("accumulate", o.accumulate, at_least(1),
                    "Batches whose gradients are added for one optimizer step")}),
       group("Fine-tuning",
             {basic(field("freeze-backbone", o.freeze_backbone,
                          "Train the last layer only; BatchNorm keeps its running statistics")),
              field("head-lr-scale", o.head_lr_scale, above(0), "Multiplies the learning rate of the last layer"),
              field("layer-decay", o.layer_decay, above_to(0, 1),
                    "D: layer l of n learns at D^(n - 1 - l) times the learning rate (vit_*, resnet*)")})});
}

void check_options(const FineTuningOptions& options, const std::string& model) {
  FineTuningOptions o = options;
  check(fine_tuning_fields(o));
  if (o.layer_decay != 1 && model == "mlp")
    throw mistake("layer-decay"_field, " needs a model of blocks: vit_* or resnet*");
  if (o.layer_decay != 1 && o.freeze_backbone)
    throw mistake("layer-decay"_field, " and ", "freeze-backbone"_field,
                  " contradict each other: frozen layers have no learning rate");
}

namespace {

auto head_of(const Model& model) {
  return [&model](const Parameter& p) { return &p == &model.prototypes() || &p == &model.prototype_bias(); };
}

}  // namespace

LrScale lr_scale_of(const FineTuningOptions& o, const Model& model) {
  const auto is_head = head_of(model);
  if (o.freeze_backbone)
    return [is_head, scale = o.head_lr_scale](const Parameter& p) { return is_head(p) ? scale : 0.0f; };
  if (o.head_lr_scale == 1 && o.layer_decay == 1) return {};
  const std::map<std::string, int> layers = layers_of(model);
  int last = 0;
  for (const auto& [name, layer] : layers) last = std::max(last, layer);
  if (o.layer_decay != 1 && last < 2)
    throw mistake("layer-decay"_field, ": the parameters of ", model.spec().name,
                  " belong to no block that is known (models/layer_groups.h)");
  return [=](const Parameter& p) {
    const double decayed = std::pow(static_cast<double>(o.layer_decay), last - layers.at(p.spec.name));
    return static_cast<float>(decayed * (is_head(p) ? static_cast<double>(o.head_lr_scale) : 1.0));
  };
}

std::vector<const Parameter*> trained_parameters(const FineTuningOptions& o, const Model& model) {
  const auto is_head = head_of(model);
  std::vector<const Parameter*> trained;
  for (const Parameter& p : model.parameters())  // a cosine classifier's bias is none of them
    if (!o.freeze_backbone || is_head(p)) trained.push_back(&p);
  return trained;
}

nlohmann::json to_json(const FineTuningOptions& options) {
  FineTuningOptions o = options;
  return to_json(fine_tuning_fields(o));
}

}  // namespace kelvin
