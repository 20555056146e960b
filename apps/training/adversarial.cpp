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

Tensor AdversarialBatches::iterate(const Tensor& x, const Tensor& images, const Tensor& labels, double inner_tau) {
  Tensor gradient;
  {
    Tape tape({x});
    const Tensor logits = model_.forward(x, options_.batch_norm);
    tape.backward(sum(attack_loss(options_.loss, logits, labels, inner_tau)));
    gradient = tape.gradient(x);
  }
  pgd_step(x, images, gradient, Norm::linf, {.eps = options_.eps, .step = options_.step});
  return gradient;
}

bool AdversarialBatches::can_replay(const Tensor& images, const Tensor& labels, double inner_tau) {
  const bool is_steady = inner_tau == last_tau_;
  last_tau_ = inner_tau;
  if (recorded_ && recorded_->images.view<float>().data == images.view<float>().data &&
      recorded_->labels.view<std::int32_t>().data == labels.view<std::int32_t>().data &&
      recorded_->images.shape() == images.shape() && recorded_->inner_tau == inner_tau)
    return true;
  const bool is_smaller = recorded_ && images.dim(0) < recorded_->images.dim(0);
  if (is_smaller || !is_steady) return false;
  recorded_.reset(new Recorded{Tensor::empty_like(images), images, labels, inner_tau, StepGraph(images.device())});
  return true;
}

void AdversarialBatches::attack(const Tensor& images, const Tensor& labels, double tau, std::int64_t step) {
  const std::int64_t n = images.dim(0);
  std::vector<std::int32_t> positions(static_cast<std::size_t>(n));
  std::iota(positions.begin(), positions.end(), 0);
  const Tensor indices = Tensor::from_host<std::int32_t>(positions, {n}, images.device());
  const RandomKey key{seed_, random_stream(str("adversarial_start/", step))};
  const Tensor start = random_start(images, indices, Norm::linf, key, options_.eps);
  const double inner_tau = options_.inner_tau > 0 ? options_.inner_tau : tau;
  const bool replays = can_replay(images, labels, inner_tau);
  const Tensor x = replays ? recorded_->x : Tensor::empty_like(images);
  x.copy_from(start);
  {
    const Tensor gradient = iterate(x, images, labels, inner_tau);
    const Tensor largest = Tensor::empty({n}, DType::f32, x.device()), zero_share = Tensor::empty_like(largest);
    on(x.device(), [&](const auto& dev) {
      gradient_statistics(dev, largest.view<float>(), zero_share.view<float>(), gradient.view<const float>());
    });
    for (const float v : largest.to_host<float>()) without_gradient_ += v == 0.0f ? 1 : 0;
  }
  const auto next = [&] { (void)iterate(x, images, labels, inner_tau); };
  for (int i = 1; i < options_.steps; ++i) replays ? recorded_->iteration.run(next) : next();
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
