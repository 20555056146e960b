#include "apps/explorer/path.h"

#include <algorithm>

#include "apps/attacks/gradient_at_start.h"
#include "apps/attacks/pgd.h"
#include "apps/attacks/victim.h"

namespace kelvin {
namespace {

std::int8_t sign_of(float g) { return static_cast<std::int8_t>((g > 0) - (g < 0)); }

}  // namespace

int AttackPath::fooled_after(std::int32_t label) const {
  const auto fooled = std::ranges::find_if(points, [=](const PathPoint& p) { return p.prediction != label; });
  return fooled == points.end() ? -1 : static_cast<int>(fooled - points.begin());
}

Tensor path_start(const TensorBatch& batch, const AttackOptions& o) {
  if (!o.pgd.random_start) return batch.images.clone();
  return random_start(batch.images, batch.indices, Norm::linf, random_start_key(o.seed, 0), o.eps);
}

std::vector<AttackPath> attack_paths(Model& model, const TensorBatch& batch, const AttackOptions& o) {
  const auto n = static_cast<std::size_t>(batch.images.dim(0)),
             classes = static_cast<std::size_t>(model.spec().classes),
             pixels = static_cast<std::size_t>(batch.images.size()) / n;
  const std::vector<std::int32_t> labels = batch.labels.to_host<std::int32_t>();
  const Tensor x = path_start(batch, o);
  std::vector<AttackPath> paths(n);
  const auto add = [&](const GradientPoint& p, bool is_last) {
    const Answer answer{classes, 0, p.logits.to_host<float>(), {}, {}};
    const std::vector<float> loss = p.loss.to_host<float>(), gradient = p.gradient.to_host<float>();
    const Tensor features = model.features(x, Mode::eval);
    for (std::size_t i = 0; i < n; ++i) {
      paths[i].points.push_back({loss[i], answer.margin(i, labels[i]), answer.prediction(i),
                                 features.narrow(static_cast<std::int64_t>(i), 1).to_host<float>()});
      if (is_last) continue;
      const auto first = gradient.begin() + static_cast<std::ptrdiff_t>(i * pixels);
      std::transform(first, first + static_cast<std::ptrdiff_t>(pixels), std::back_inserter(paths[i].signs), sign_of);
    }
  };
  const RowLoss loss = loss_of(o.loss, batch.labels, o.attack_tau);
  const PgdOptions step{.eps = o.eps, .step = o.pgd.step_in(o.eps)};
  for (int k = 0; k < o.pgd.steps; ++k)
    ascend(model, x, batch.images, loss, Norm::linf, step, [&](const GradientPoint& p) { add(p, false); });
  add(look(model, x, loss), true);
  return paths;
}

}  // namespace kelvin
