#include "apps/attacks/gradient_at_start.h"

#include "kernels/arrays/top1.h"
#include "kernels/attacks/pgd_step.h"
#include "kernels/losses/margin_loss.h"

namespace kelvin {

Tensor predictions_of(const Tensor& logits) {
  const Tensor p = Tensor::empty({logits.dim(0)}, DType::i32, logits.device());
  on(p.device(), [&](const auto& dev) { argmax(dev, p.view<std::int32_t>(), logits.view<const float>()); });
  return p;
}

RowLoss loss_of(AttackLoss loss, const Tensor& goal, double attack_tau) {
  return [=](const Tensor& logits) { return attack_loss(loss, logits, goal, attack_tau); };
}

std::vector<AttackedImage> describe_clean(const TensorBatch& batch, const GradientPoint& p,
                                          const std::vector<std::int32_t>& targets) {
  const std::int64_t n = batch.images.dim(0);
  const Tensor lead = Tensor::empty({n}, DType::f32, batch.images.device());
  const Tensor max_abs = Tensor::empty_like(lead), zero_share = Tensor::empty_like(lead);
  on(lead.device(), [&](const auto& dev) {
    margin_loss_forward(dev, lead.view<float>(), p.logits.view<const float>(), batch.labels.view<const std::int32_t>());
    gradient_statistics(dev, max_abs.view<float>(), zero_share.view<float>(), p.gradient.view<const float>());
  });
  const auto labels = batch.labels.to_host<std::int32_t>(),
             predictions = predictions_of(p.logits).to_host<std::int32_t>();
  const auto leads = lead.to_host<float>(), largest = max_abs.to_host<float>(), zeros = zero_share.to_host<float>();
  std::vector<AttackedImage> images(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < images.size(); ++i) {
    images[i].label = labels[i];
    images[i].target = targets.empty() ? -1 : targets[i];
    images[i].clean_prediction = predictions[i];
    images[i].clean_margin = -leads[i];
    images[i].has_zero_gradient = largest[i] == 0.0f;
    images[i].zero_coordinates = zeros[i];
  }
  return images;
}

ImageDistances distances(const Tensor& a, const Tensor& b) {
  const Tensor linf = Tensor::empty({a.dim(0)}, DType::f32, a.device()), l2 = Tensor::empty_like(linf);
  on(a.device(), [&](const auto& dev) {
    image_distance(dev, linf.view<float>(), l2.view<float>(), a.view<const float>(), b.view<const float>());
  });
  return {linf.to_host<float>(), l2.to_host<float>()};
}

}  // namespace kelvin
