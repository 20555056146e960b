#include "apps/analysis/loss_curve.h"

#include <algorithm>

#include "apps/attacks/gradient_at_start.h"
#include "data/tensor_batch.h"

namespace kelvin {

LossCurve loss_curve(Model& model, const ImageSet& set, const AttackOptions& o, std::int64_t n_images) {
  const std::int64_t n = std::min(n_images, set.count);
  const TensorBatch batch = tensor_batch(set, 0, n, model.parameters().values().device());
  const Tensor x = random_start(batch.images, batch.indices, o.norm, {o.seed, random_stream("loss_curve")}, o.eps);
  std::vector<std::vector<float>> highest;  // [steps + 1][n]
  const auto add = [&](const GradientPoint& p) {
    std::vector<float> loss = p.loss.to_host<float>();
    if (!highest.empty())
      for (std::size_t i = 0; i < loss.size(); ++i) loss[i] = std::max(loss[i], highest.back()[i]);
    highest.push_back(std::move(loss));
  };
  const RowLoss loss = loss_of(o.loss, batch.labels, o.attack_tau);
  for (int step = 0; step < o.pgd.steps; ++step)
    ascend(model, x, batch.images, loss, o.norm, {.eps = o.eps, .step = o.pgd.step_in(o.eps)}, add);
  add(look(model, x, loss));

  LossCurve curve;
  for (const std::vector<float>& row : highest) {
    double total = 0;
    for (const float v : row) total += static_cast<double>(v);
    curve.mean_loss.push_back(total / static_cast<double>(std::max<std::size_t>(row.size(), 1)));
  }
  const std::vector<float>&first = highest.front(), &last = highest.back(),
        &late = highest[static_cast<std::size_t>(o.pgd.steps - std::min(10, o.pgd.steps / 2))];
  double climbed = 0;
  for (std::size_t i = 0; i < last.size(); ++i) {
    curve.climbed.push_back(last[i] > first[i]);
    if (!curve.climbed.back()) continue;
    curve.late_share += static_cast<double>(last[i] - late[i]) / static_cast<double>(last[i] - first[i]);
    ++climbed;
  }
  if (climbed > 0) curve.late_share /= climbed;
  return curve;
}

}  // namespace kelvin
