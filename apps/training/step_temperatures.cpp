#include "apps/training/step_temperatures.h"

#include "kernels/arrays/multiply.h"

namespace kelvin {
namespace {

using Kind = AdversarialOptions::Kind;

void write(const Tensor& scalar, double value) {
  const float host = static_cast<float>(value);
  scalar.copy_from_host(std::span<const float>(&host, 1));
}

double or_else(double tau, double fallback) { return tau > 0 ? tau : fallback; }

}  // namespace

StepTemperatures::StepTemperatures(const AdversarialOptions& options, Device device) : options_(options) {
  for (Tensor* t : {&outer, &inner_clean, &inner_adversarial, &clean, &adversarial, &cross_entropy_weight, &kl_weight})
    *t = Tensor::full({1}, 1.0f, DType::f32, device);
  weights = Tensor::full({2}, 1.0f, DType::f32, device);
  set(1);
}

void StepTemperatures::set(double tau) {
  if (tau == tau_) return;
  tau_ = tau;
  const AdversarialOptions& o = options_;
  const double clean_tau = or_else(o.kl_tau, tau), adversarial_tau = or_else(o.kl_adversarial_tau, tau);
  const bool follows_kl = o.kind == Kind::trades && !o.loss;
  write(outer, tau);
  write(clean, clean_tau);
  write(adversarial, adversarial_tau);
  write(inner_clean, or_else(o.inner_tau, clean_tau));
  write(inner_adversarial, or_else(o.inner_tau, follows_kl ? adversarial_tau : tau));
  const double factor = o.kind == Kind::mart ? o.mart_lambda : o.trades_beta;
  const double weight_ce = o.balance_tau ? tau : 1.0;
  const double weight_kl = factor * (o.balance_tau ? clean_tau * adversarial_tau : 1.0);
  write(cross_entropy_weight, weight_ce);
  write(kl_weight, weight_kl);
  const float both[] = {static_cast<float>(weight_ce), static_cast<float>(weight_kl)};
  weights.copy_from_host(std::span<const float>(both));
}

void StepTemperatures::set_from_log(const Tensor& log_tau) const {
  on(outer.device(), [&](const auto& dev) { exponential(dev, outer.view<float>(), log_tau.view<const float>()); });
  const AdversarialOptions& o = options_;
  if (o.kl_tau == 0) clean.copy_from(outer);
  if (o.kl_adversarial_tau == 0) adversarial.copy_from(outer);
  if (o.inner_tau > 0) return;  // written by set() once
  const bool follows_kl = o.kind == Kind::trades && !o.loss;
  inner_clean.copy_from(clean);
  inner_adversarial.copy_from(follows_kl ? adversarial : outer);
}

}  // namespace kelvin
