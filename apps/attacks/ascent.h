// Projected gradient ascent on the pixels: compute the gradient of the loss at x, step along it, project onto the ball
// and the box (Madry et al. 2018, 1706.06083). PGD and MI-FGSM, the inner attack of adversarial training, the loss curve
// and the benchmark are loops around `ascend`. The attacks that keep their state in host memory (victim.h) use only `look`.
#pragma once

#include <functional>

#include "engine/ops/attack_steps.h"
#include "models/model.h"

namespace kelvin {

// One loss for each row of logits [N, C]: [N].
using RowLoss = std::function<Tensor(const Tensor& logits)>;

// The logits and losses at x [N, H, W, C], and the gradient of the sum of the losses. It is the sum, not the mean, because a division by the
// number of images would round the smallest gradients to zero.
struct GradientPoint {
  Tensor logits, loss, gradient;
};
[[nodiscard]] GradientPoint look(Model& model, const Tensor& x, const RowLoss& loss, Mode mode = Mode::eval);

// Called with the logits, losses and gradient at x before x is changed.
using Seen = std::function<void(const GradientPoint&)>;

// One iteration, in place: x ← Π(x + step·sign(g)), in L2 step·g/‖g‖₂; a negative step descends. With a momentum the step
// goes along that (pgd_step). Nothing is read back to the host, so that the iteration can be recorded.
void ascend(Model& model, const Tensor& x, const Tensor& x0, const RowLoss& loss, Norm norm, const PgdOptions& options,
            const Seen& seen = {}, Mode mode = Mode::eval, const Tensor& momentum = {});

}  // namespace kelvin
