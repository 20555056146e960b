// Projected gradient ascent on the pixels: look at x, step along the gradient of the loss, project onto the ball and the box (Madry et al.
// 2018, 1706.06083). PGD, the inner attack of adversarial training, the loss curve and the benchmark are loops around `ascend`. The attacks that
// keep their state in host memory (victim.h) take `look` alone.
#pragma once

#include <functional>

#include "engine/ops/attack_steps.h"
#include "models/model.h"

namespace kelvin {

// A number for each row of logits [N, C]: [N].
using RowLoss = std::function<Tensor(const Tensor& logits)>;

// What the model says at x [N, H, W, C], and the gradient of the sum of the losses there. The sum, not the mean: dividing by the number of images
// would lose the smallest gradients.
struct GradientPoint {
  Tensor logits, loss, gradient;
};
[[nodiscard]] GradientPoint look(Model& model, const Tensor& x, const RowLoss& loss, Mode mode = Mode::eval);

// Is given what the model says at x, before x moves.
using Seen = std::function<void(const GradientPoint&)>;

// One iteration, in place: x ← Π(x + step·sign(g)), in L2 step·g/‖g‖₂; a negative step descends. Reads nothing back, so that it can be recorded.
void ascend(Model& model, const Tensor& x, const Tensor& x0, const RowLoss& loss, Norm norm, const PgdOptions& options,
            const Seen& seen = {}, Mode mode = Mode::eval);

}  // namespace kelvin
