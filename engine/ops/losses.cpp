#include "engine/ops/losses.h"

#include <cmath>

#include "engine/tape.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/reduce.h"
#include "kernels/losses/dlr_loss.h"
#include "kernels/losses/log_odds_cross_entropy.h"
#include "kernels/losses/margin_loss.h"
#include "kernels/losses/softmax_cross_entropy.h"
#include "kernels/losses/targeted_dlr_loss.h"
#include "kernels/losses/temperature_gradient.h"

namespace kelvin {
namespace {

void check(const char* op, const Tensor& logits, const Tensor& labels) {
  KELVIN_CHECK(logits.shape().rank() == 2 && labels.size() == logits.dim(0) && logits.dim(1) >= 2, op,
               ": expected logits [N, C] with C >= 2 and labels [N], got ", logits.shape(), " and ", labels.shape());
}

View<const std::int32_t> classes(const Tensor& labels) { return labels.view<const std::int32_t>(); }

// One number a row of logits [N, C]: forward(device, loss, z) and backward(device, dz, dloss, z) call the kernels.
template <class Forward, class Backward>
Tensor row_loss(const char* op, const Tensor& logits, const Forward& forward, const Backward& backward) {
  const Tensor loss = Tensor::empty({logits.dim(0)}, DType::f32, logits.device());
  on(logits.device(), [&](const auto& dev) { forward(dev, loss.view<float>(), logits.view<const float>()); });
  return record(op, loss, {logits}, [=](const Tensor& dloss, Grads& g) {
    const Tensor dz = Tensor::empty_like(logits);
    on(dz.device(), [&](const auto& dev) {
      backward(dev, dz.view<float>(), dloss.view<const float>(), logits.view<const float>());
    });
    g.add(0, dz);
  });
}

// Σ x · factor as a differentiable op: dx = factor · dy for every element
Tensor scaled_sum(const char* op, const Tensor& x, float factor) {
  const Tensor y = Tensor::empty({1}, DType::f32, x.device());
  on(x.device(), [&](const auto& dev) { reduce_sum(dev, y.view<float>(), x.view<const float>(), factor); });
  return record(op, y, {x}, [shape = x.shape(), factor](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty(shape, DType::f32, dy.device());
    on(dy.device(), [&](const auto& dev) { fill_scaled(dev, dx.view<float>(), dy.view<const float>(), factor); });
    g.add(0, dx);
  });
}

}  // namespace

Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& labels, const Tensor& tau, float label_smoothing) {
  check("softmax_cross_entropy", logits, labels);
  const Tensor loss = Tensor::empty({logits.dim(0)}, DType::f32, logits.device());
  on(logits.device(), [&](const auto& dev) {
    softmax_cross_entropy_forward(dev, loss.view<float>(), logits.view<const float>(),
                                  labels.view<const std::int32_t>(), tau.view<const float>(), label_smoothing);
  });
  // dz_j = dloss (p_j − q_j) / τ;  dτ = Σ_rows dloss Σ_j (q_j − p_j) z_j / τ²;  q_j = (1 − S) 1[j = y] + S/C
  return record("softmax_cross_entropy", loss, {logits, tau}, [=](const Tensor& dloss, Grads& g) {
    if (g.wants(0)) {
      const Tensor dz = Tensor::empty_like(logits);
      on(dz.device(), [&](const auto& dev) {
        softmax_cross_entropy_backward(dev, dz.view<float>(), dloss.view<const float>(), logits.view<const float>(),
                                       labels.view<const std::int32_t>(), tau.view<const float>(), label_smoothing);
      });
      g.add(0, dz);
    }
    if (g.wants(1)) {
      const Tensor row_gradients = Tensor::empty_like(dloss), dtau = Tensor::empty_like(tau);
      on(dtau.device(), [&](const auto& dev) {
        cross_entropy_temperature_gradient(dev, row_gradients.view<float>(), dloss.view<const float>(),
                                           logits.view<const float>(), labels.view<const std::int32_t>(),
                                           tau.view<const float>(), label_smoothing);
        reduce_sum(dev, dtau.view<float>(), row_gradients.view<const float>(), 1.0f);
      });
      g.add(1, dtau);
    }
  });
}

Tensor log_odds_cross_entropy(const Tensor& logits, const Tensor& labels, const Tensor& tau) {
  check("log_odds_cross_entropy", logits, labels);
  // dz_j = dloss q_j / τ for j ≠ y, q the softmax over the others;  dz_y = −dloss / τ
  return row_loss(
      "log_odds_cross_entropy", logits,
      [=](const auto& dev, auto loss, auto z) {
        log_odds_cross_entropy_forward(dev, loss, z, classes(labels), tau.view<const float>());
      },
      [=](const auto& dev, auto dz, auto dloss, auto z) {
        log_odds_cross_entropy_backward(dev, dz, dloss, z, classes(labels), tau.view<const float>());
      });
}

Tensor margin_loss(const Tensor& logits, const Tensor& labels) {
  check("margin_loss", logits, labels);
  // dz = +dloss at argmax_{j≠y} z_j, −dloss at y
  return row_loss(
      "margin_loss", logits,
      [=](const auto& dev, auto loss, auto z) { margin_loss_forward(dev, loss, z, classes(labels)); },
      [=](const auto& dev, auto dz, auto dloss, auto z) { margin_loss_backward(dev, dz, dloss, z, classes(labels)); });
}

Tensor dlr_loss(const Tensor& logits, const Tensor& labels) {
  check("dlr_loss", logits, labels);
  KELVIN_CHECK(logits.dim(1) >= 3, "dlr_loss: needs 3 classes, got ", logits.dim(1));
  // dz = dloss/d · (+1 at argmax_{j≠y}, −1 at y, −L at π1, +L at π3), d = z_π1 − z_π3
  return row_loss(
      "dlr_loss", logits, [=](const auto& dev, auto loss, auto z) { dlr_loss_forward(dev, loss, z, classes(labels)); },
      [=](const auto& dev, auto dz, auto dloss, auto z) { dlr_loss_backward(dev, dz, dloss, z, classes(labels)); });
}

Tensor targeted_dlr_loss(const Tensor& logits, const Tensor& labels, const Tensor& targets) {
  check("targeted_dlr_loss", logits, labels);
  KELVIN_CHECK(logits.dim(1) >= 4 && targets.size() == labels.size(), "targeted_dlr_loss: needs 4 classes, got ",
               logits.dim(1), ", and ", labels.size(), " targets, got ", targets.size());
  // dz = dloss/d · (+1 at t, −1 at y, −L at π1, +L/2 at π3 and π4), d = z_π1 − (z_π3 + z_π4)/2
  return row_loss(
      "targeted_dlr_loss", logits,
      [=](const auto& dev, auto loss, auto z) {
        targeted_dlr_loss_forward(dev, loss, z, classes(labels), classes(targets));
      },
      [=](const auto& dev, auto dz, auto dloss, auto z) {
        targeted_dlr_loss_backward(dev, dz, dloss, z, classes(labels), classes(targets));
      });
}

Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& labels, double tau) {
  return softmax_cross_entropy(logits, labels, temperature(tau, logits.device()));
}

Tensor log_odds_cross_entropy(const Tensor& logits, const Tensor& labels, double tau) {
  return log_odds_cross_entropy(logits, labels, temperature(tau, logits.device()));
}

Tensor mean(const Tensor& x) { return scaled_sum("mean", x, 1.0f / static_cast<float>(x.size())); }

Tensor sum(const Tensor& x) { return scaled_sum("sum", x, 1.0f); }

Tensor temperature(double tau, Device device) {
  if (!(tau > 0) || !std::isfinite(tau)) throw mistake("the temperature must be a positive finite number, got ", tau);
  return Tensor::full({1}, static_cast<float>(tau), DType::f32, device);
}

}  // namespace kelvin
