#include "apps/training/inner_attack.h"

#include <array>
#include <numeric>

#include "apps/attacks/ascent.h"
#include "engine/ops/adversarial_losses.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/arrays/reduce.h"
#include "kernels/attacks/stationarity.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

using Kind = AdversarialOptions::Kind;
constexpr float kStartDeviation = 0.001f;  // of TRADES and MART

}  // namespace

InnerAttack::InnerAttack(Model& model, const AdversarialOptions& options, const StepTemperatures& temperatures,
                         const Tensor& clean, const Tensor& labels, std::uint64_t seed)
    : model_(model),
      options_(options),
      temperatures_(temperatures),
      clean_(clean),
      labels_(labels),
      seed_(seed),
      iteration_(clean.device()) {
  if (!options.is_on()) return;
  if (options.loss) require_classes("adversarial-loss"_field, *options.loss, model.spec().classes);
  const std::int64_t n = clean.dim(0);
  x_ = Tensor::empty_like(clean);
  clean_logits_ = Tensor::empty({n, model.spec().classes}, DType::f32, clean.device());
  for (Tensor* t : {&fosc_, &is_zero_, &moved_}) *t = Tensor::empty({n}, DType::f32, clean.device());
  for (Tensor* t : {&fosc_total_, &is_zero_total_, &moved_total_}) *t = Tensor::zeros({1}, DType::f32, clean.device());
}

Tensor InnerAttack::attack(std::int64_t n, std::int64_t step, std::int64_t first) {
  frozen_.refresh();  // the weights have changed since the last step and are constant during this attack
  const FrozenWeights::Use use(frozen_);
  const Tensor clean = clean_.narrow(0, n), x = x_.narrow(0, n);
  const Tensor start = start_of(clean, step, first);
  x.copy_from(start);
  if (options_.kind == Kind::trades && !options_.loss)
    clean_logits_.narrow(0, n).copy_from(model_.forward(clean, options_.batch_norm));
  for (int i = 0; i < options_.steps; ++i) {
    // The recording is valid for one tensor size only: the full batch's.
    if (n == x_.dim(0))
      iteration_.run([&] { iterate(n); });
    else
      iterate(n);
    if (i == 0) add_to(is_zero_total_, is_zero_.narrow(0, n));
  }
  add_to(fosc_total_, fosc_.narrow(0, n));
  const Tensor linf = moved_.narrow(0, n), l2 = Tensor::empty_like(linf);
  on(x.device(), [&](const auto& dev) {
    image_distance(dev, linf.view<float>(), l2.view<float>(), x.view<const float>(), start.view<const float>());
  });
  add_to(moved_total_, linf);
  images_ += static_cast<double>(n);
  return x;
}

Tensor InnerAttack::start_of(const Tensor& clean, std::int64_t step, std::int64_t first) const {
  const RandomKey key{seed_, random_stream(str("adversarial_start/", step))};
  if (options_.kind == Kind::pgd) {
    std::vector<std::int32_t> positions(static_cast<std::size_t>(clean.dim(0)));
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(first));
    const Tensor indices = Tensor::from_host<std::int32_t>(positions, {clean.dim(0)}, clean.device());
    return random_start(clean, indices, Norm::linf, key, options_.eps);
  }
  const Tensor start = Tensor::empty_like(clean);
  on(start.device(), [&](const auto& dev) {
    fill_normal(dev, start.view<float>(), key, 0.0f, kStartDeviation, first * (clean.size() / clean.dim(0)));
    accumulate(dev, start.view<float>(), clean.view<const float>());
  });
  return start;
}

// One step of x_ along the sign of its gradient; also adds the statistics of that gradient.
void InnerAttack::iterate(std::int64_t n) {
  const Tensor clean = clean_.narrow(0, n), x = x_.narrow(0, n), labels = labels_.narrow(0, n);
  const auto measure = [&](const GradientPoint& p) {
    on(x.device(), [&](const auto& dev) {
      stationarity(dev, fosc_.narrow(0, n).view<float>(), is_zero_.narrow(0, n).view<float>(), x.view<const float>(),
                   clean.view<const float>(), p.gradient.view<const float>(), options_.eps);
    });
  };
  ascend(
      model_, x, clean, [&](const Tensor& logits) { return loss(logits, labels); }, Norm::linf,
      {.eps = options_.eps, .step = options_.step}, measure, options_.batch_norm);
}

Tensor InnerAttack::loss(const Tensor& logits, const Tensor& labels) const {
  const StepTemperatures& t = temperatures_;
  if (options_.kind == Kind::trades && !options_.loss)
    return softmax_kl(clean_logits_.narrow(0, logits.dim(0)), logits, t.inner_clean, t.inner_adversarial);
  return attack_loss(options_.loss.value_or(AttackLoss::cross_entropy), logits, labels, t.inner_adversarial);
}

void InnerAttack::add_to(const Tensor& total, const Tensor& per_image) const {
  on(total.device(),
     [&](const auto& dev) { accumulate_sum(dev, total.view<float>(), per_image.view<const float>(), 1.0f); });
}

InnerAttack::Log InnerAttack::take_log() {
  std::array<double, 4> sums = {is_zero_total_.item(), moved_total_.item(), fosc_total_.item(), images_};
  processes().sum(std::span(sums), "the figures of the inner attack");
  const double n = sums[3] > 0 ? sums[3] : 1;
  const Log log{sums[0] / n, sums[1] / n, sums[2] / n};
  for (const Tensor* t : {&fosc_total_, &is_zero_total_, &moved_total_})
    t->copy_from(Tensor::zeros({1}, DType::f32, t->device()));
  images_ = 0;
  return log;
}

}  // namespace kelvin
