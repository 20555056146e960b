#include "apps/training/objectives.h"

#include <algorithm>

#include "engine/ops/activation.h"
#include "engine/ops/adversarial_losses.h"
#include "engine/ops/losses.h"
#include "engine/ops/scaling.h"

namespace kelvin {
namespace {

using Kind = AdversarialOptions::Kind;

bool has_running_statistics(const Model& model) {
  return std::ranges::any_of(model.parameters().buffers(),
                             [](const Parameter& b) { return b.spec.name.ends_with("running_mean"); });
}

}  // namespace

ObjectiveValue objective(Model& model, const AdversarialOptions& o, const StepTemperatures& t, const Tensor& tau,
                         const ObjectiveMode& mode, const ObjectiveBatch& batch) {
  if (o.kind == Kind::none || o.kind == Kind::pgd) {
    const Tensor logits = model.forward(o.kind == Kind::none ? batch.clean : batch.adversarial, mode.forward);
    const Tensor loss = mean(softmax_cross_entropy(logits, batch.labels, tau, mode.label_smoothing));
    return {o.balance_tau ? multiply(loss, t.cross_entropy_weight) : loss, logits};
  }
  const Tensor clean = model.forward(batch.clean, mode.forward);
  const Tensor adversarial = model.forward(batch.adversarial, mode.forward);
  return {objective_of_logits(o, t, tau, clean, adversarial, batch.labels, mode.label_smoothing), clean};
}

Tensor objective_of_logits(const AdversarialOptions& o, const StepTemperatures& t, const Tensor& tau,
                           const Tensor& clean, const Tensor& adversarial, const Tensor& labels,
                           float label_smoothing) {
  if (o.kind == Kind::mart)
    return mean(mart_loss(clean, adversarial, labels, {tau, t.clean, t.adversarial, t.weights}));
  const Tensor natural = mean(softmax_cross_entropy(clean, labels, tau, label_smoothing));
  const Tensor robust = mean(softmax_kl(clean, adversarial, t.clean, t.adversarial));
  return add(multiply(natural, t.cross_entropy_weight), multiply(robust, t.kl_weight));
}

void move_statistics_again(Model& model, const AdversarialOptions& o, const ObjectiveMode& mode,
                           const ObjectiveBatch& batch) {
  if (o.kind == Kind::trades && mode.forward != Mode::eval && has_running_statistics(model))
    (void)model.features(batch.clean, mode.forward);
}

}  // namespace kelvin
