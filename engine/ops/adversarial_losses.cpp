#include "engine/ops/adversarial_losses.h"

#include "engine/tape.h"
#include "kernels/losses/mart_loss.h"
#include "kernels/losses/softmax_kl.h"

namespace kelvin {

Tensor softmax_kl(const Tensor& a, const Tensor& b, const Tensor& tau_a, const Tensor& tau_b) {
  KELVIN_CHECK(a.shape().rank() == 2 && a.shape() == b.shape(), "softmax_kl: expected two logits [N, C], got ",
               a.shape(), " and ", b.shape());
  const auto inputs = [=] {  // holds the tensors themselves until backward has run
    return KlInputs{a.view<const float>(), b.view<const float>(), tau_a.view<const float>(), tau_b.view<const float>()};
  };
  const Tensor kl = Tensor::empty({a.dim(0)}, DType::f32, a.device());
  on(a.device(), [&](const auto& dev) { softmax_kl_forward(dev, kl.view<float>(), inputs()); });
  // da_j = dkl p_j (log p_j − log q_j − kl) / τ_a;  db_j = dkl (q_j − p_j) / τ_b
  return record("softmax_kl", kl, {a, b}, [=](const Tensor& dkl, Grads& g) {
    const auto wanted = [&](int which, auto kernel) {
      if (!g.wants(which)) return;
      const Tensor d = Tensor::empty_like(a);
      on(d.device(), [&](const auto& dev) { kernel(dev, d.view<float>(), dkl.view<const float>(), inputs()); });
      g.add(which, d);
    };
    wanted(0, [](const auto& dev, auto... arguments) { softmax_kl_backward_a(dev, arguments...); });
    wanted(1, [](const auto& dev, auto... arguments) { softmax_kl_backward_b(dev, arguments...); });
  });
}

Tensor mart_loss(const Tensor& clean, const Tensor& adversarial, const Tensor& labels, const MartTerms& terms) {
  KELVIN_CHECK(clean.shape().rank() == 2 && clean.shape() == adversarial.shape() && labels.size() == clean.dim(0) &&
                   clean.dim(1) >= 2 && terms.weights.size() == 2,
               "mart_loss: expected two logits [N, C] with C >= 2, labels [N] and two weights, got ", clean.shape(),
               ", ", adversarial.shape(), ", ", labels.shape(), " and ", terms.weights.shape());
  const auto inputs = [=] {
    return MartInputs{clean.view<const float>(),           adversarial.view<const float>(),
                      labels.view<const std::int32_t>(),   terms.tau.view<const float>(),
                      terms.tau_clean.view<const float>(), terms.tau_adversarial.view<const float>(),
                      terms.weights.view<const float>()};
  };
  const Tensor loss = Tensor::empty({clean.dim(0)}, DType::f32, clean.device());
  on(clean.device(), [&](const auto& dev) { mart_loss_forward(dev, loss.view<float>(), inputs()); });
  // Both derivatives stand in kernels/losses/mart_loss.h.
  return record("mart_loss", loss, {clean, adversarial}, [=](const Tensor& dloss, Grads& g) {
    const auto wanted = [&](int which, auto kernel) {
      if (!g.wants(which)) return;
      const Tensor d = Tensor::empty_like(clean);
      on(d.device(), [&](const auto& dev) { kernel(dev, d.view<float>(), dloss.view<const float>(), inputs()); });
      g.add(which, d);
    };
    wanted(0, [](const auto& dev, auto... arguments) { mart_loss_backward_clean(dev, arguments...); });
    wanted(1, [](const auto& dev, auto... arguments) { mart_loss_backward_adversarial(dev, arguments...); });
  });
}

}  // namespace kelvin
