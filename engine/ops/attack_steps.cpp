#include "engine/ops/attack_steps.h"

#include <limits>

#include "engine/tape.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/attacks/keep_best.h"

namespace kelvin {

void pgd_step(const Tensor& x, const Tensor& x0, const Tensor& g, Norm norm, const PgdOptions& o, const Tensor& m) {
  KELVIN_CHECK(!Tape::is_tracked(x), "pgd_step: a tape still follows the images");
  KELVIN_CHECK(x.shape() == x0.shape() && x.size() == g.size(), "pgd_step: ", x.shape(), ", ", x0.shape(), ", ",
               g.shape());
  on(x.device(), [&](const auto& dev) {
    const auto images = x.view<float>();
    const auto centre = x0.view<const float>(), along = (m ? m : g).view<const float>();
    if (m) add_to_momentum(dev, m.view<float>(), g.view<const float>(), o.decay);
    norm == Norm::linf ? pgd_step_linf(dev, images, centre, along, o) : pgd_step_l2(dev, images, centre, along, o);
  });
}

Tensor random_start(const Tensor& x0, const Tensor& indices, Norm norm, RandomKey key, float eps) {
  const Tensor x = Tensor::empty_like(x0);
  on(x.device(), [&](const auto& dev) {
    const auto images = x.view<float>();
    const auto centre = x0.view<const float>();
    const auto which = indices.view<const std::int32_t>();
    norm == Norm::linf ? random_start_linf(dev, images, centre, which, key, eps)
                       : random_start_l2(dev, images, centre, which, key, eps);
  });
  return x;
}

BestIterates::BestIterates(const Tensor& like)
    : images(Tensor::empty_like(like)),
      loss(Tensor::empty({like.dim(0)}, DType::f32, like.device())),
      success(Tensor::empty({like.dim(0)}, DType::i32, like.device())),
      prediction(Tensor::empty({like.dim(0)}, DType::i32, like.device())) {
  restart(like);
}

void BestIterates::restart(const Tensor& like) const {
  images.copy_from(like);
  on(images.device(), [&](const auto& dev) {
    fill(dev, loss.view<float>(), -std::numeric_limits<float>::infinity());
    fill(dev, success.view<std::int32_t>(), 0);
    fill(dev, prediction.view<std::int32_t>(), 0);
  });
}

void BestIterates::offer(const Tensor& candidate, const Tensor& candidate_loss, const Tensor& candidate_success,
                         const Tensor& candidate_prediction) const {
  on(images.device(), [&](const auto& dev) {
    keep_best(dev, images.view<float>(), loss.view<float>(), success.view<std::int32_t>(),
              prediction.view<std::int32_t>(), candidate.view<const float>(), candidate_loss.view<const float>(),
              candidate_success.view<const std::int32_t>(), candidate_prediction.view<const std::int32_t>());
  });
}

}  // namespace kelvin
