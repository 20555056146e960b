#include "apps/training/fine_tuning.h"

#include <algorithm>
#include <cmath>

#include "kernels/device/exact.h"
#include "models/layer_groups.h"

namespace kelvin {

void check_options(const FineTuningOptions& o, const std::string& model) {
  if (!(o.clip_gradient_norm >= 0) || !std::isfinite(o.clip_gradient_norm))
    throw mistake("clip-gradient-norm"_field, " must be > 0, or 0 for none, got ", o.clip_gradient_norm);
  if (!(o.label_smoothing >= 0 && o.label_smoothing <= 1))
    throw mistake("label-smoothing"_field, " must be between 0 and 1, got ", exact(o.label_smoothing));
  if (!(o.ema_decay >= 0 && o.ema_decay < 1))
    throw mistake("ema"_field, " must be at least 0 and below 1 (0: none), got ", exact(o.ema_decay));
  if (o.accumulate < 1) throw mistake("accumulate"_field, " must be at least 1, got ", o.accumulate);
  if (!(o.head_lr_scale > 0) || !std::isfinite(o.head_lr_scale))
    throw mistake("head-lr-scale"_field, " must be > 0, got ", o.head_lr_scale);
  if (!(o.layer_decay > 0 && o.layer_decay <= 1))
    throw mistake("layer-decay"_field, " must be above 0 and at most 1, got ", exact(o.layer_decay));
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

nlohmann::json to_json(const FineTuningOptions& o) {
  return {{"clip_gradient_norm", o.clip_gradient_norm},
          {"label_smoothing", o.label_smoothing},
          {"ema", o.ema_decay},
          {"accumulate", o.accumulate},
          {"freeze_backbone", o.freeze_backbone},
          {"head_lr_scale", o.head_lr_scale},
          {"layer_decay", o.layer_decay}};
}

}  // namespace kelvin
