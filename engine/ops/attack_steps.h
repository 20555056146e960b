// In-place steps of gradient attacks on images float32 [N, H, W, C] (kernels/attacks/pgd_step.h, kernels/attacks/keep_best.h). An image that
// a tape tracks must not be overwritten: each step checks this.
#pragma once

#include "engine/tensor.h"
#include "kernels/attacks/pgd_step.h"
#include "kernels/device/philox.h"

namespace kelvin {

enum class Norm { linf, l2 };

// One projected step along the gradient g; a negative options.step descends. With a momentum m, which is zero before the first step, it goes
// along m ← decay·m + g/mean|g| instead (MI-FGSM).
void pgd_step(const Tensor& x, const Tensor& x0, const Tensor& g, Norm norm, const PgdOptions& options,
              const Tensor& m = {});

// A random point of the ball around x0. indices [N] int32: positions of the images in their set.
[[nodiscard]] Tensor random_start(const Tensor& x0, const Tensor& indices, Norm norm, RandomKey key, float eps);

// The best iterate so far of each image of a batch.
struct BestIterates {
  Tensor images;      // [N, H, W, C]
  Tensor loss;        // [N]
  Tensor success;     // [N] int32, 0 or 1
  Tensor prediction;  // [N] int32

  explicit BestIterates(const Tensor& like);
  void restart(const Tensor& like) const;  // discards what was kept; `like` has the same shape
  // The first success wins; before that the highest loss.
  void offer(const Tensor& candidate, const Tensor& candidate_loss, const Tensor& candidate_success,
             const Tensor& candidate_prediction) const;
};

}  // namespace kelvin
