#include "apps/training/adversarial.h"

#include <numeric>

#include "apps/attacks/gradient_at_start.h"
#include "engine/ops/losses.h"
#include "engine/tape.h"

namespace kelvin {

void check_options(const AdversarialOptions& o) {
  if (!(o.eps >= 0) || !(o.step >= 0))
    throw mistake("--adversarial-eps and --adversarial-step must be 0 or more, got ", o.eps, " and ", o.step);
  if (o.steps < 1) throw mistake("--adversarial-steps must be at least 1, got ", o.steps);
  if (!(o.inner_tau >= 0))
    throw mistake("--inner-tau must be > 0, or 0 for the training temperature, got ", o.inner_tau);
}

void AdversarialBatches::attack(const Tensor& images, const Tensor& labels, double tau, std::int64_t step) {
  const std::int64_t n = images.dim(0);
  std::vector<std::int32_t> positions(static_cast<std::size_t>(n));
  std::iota(positions.begin(), positions.end(), 0);
  const Tensor indices = Tensor::from_host<std::int32_t>(positions, {n}, images.device());
  const RandomKey key{seed_, random_stream(str("adversarial_start/", step))};
  const Tensor start = random_start(images, indices, Norm::linf, key, options_.eps);
  const Tensor x = start.clone();
  const double inner_tau = options_.inner_tau > 0 ? options_.inner_tau : tau;
  for (int i = 0; i < options_.steps; ++i) {
    Tensor gradient;
    {
      Tape tape({x});
      const Tensor logits = model_.forward(x, options_.batch_norm);
      tape.backward(sum(attack_loss(options_.loss, logits, labels, inner_tau)));
      gradient = tape.gradient(x);
    }
    if (i == 0) {
      const Tensor largest = Tensor::empty({n}, DType::f32, x.device()), zero_share = Tensor::empty_like(largest);
      on(x.device(), [&](const auto& dev) {
        gradient_statistics(dev, largest.view<float>(), zero_share.view<float>(), gradient.view<const float>());
      });
      for (const float v : largest.to_host<float>()) without_gradient_ += v == 0.0f ? 1 : 0;
    }
    pgd_step(x, images, gradient, Norm::linf, {.eps = options_.eps, .step = options_.step});
  }
  for (const float d : distances(x, start).linf) moved_ += static_cast<double>(d);
  images_ += static_cast<double>(n);
  images.copy_from(x);
}

AdversarialBatches::Log AdversarialBatches::take_log() {
  const double n = images_ > 0 ? images_ : 1;
  const Log log{without_gradient_ / n, moved_ / n};
  images_ = without_gradient_ = moved_ = 0;
  return log;
}

}  // namespace kelvin
