#include "apps/attacks/ascent.h"

#include "engine/ops/losses.h"
#include "engine/tape.h"

namespace kelvin {

GradientPoint look(Model& model, const Tensor& x, const RowLoss& loss, Mode mode) {
  Tape tape({x});
  GradientPoint p;
  p.logits = model.forward(x, mode);
  p.loss = loss(p.logits);
  tape.backward(sum(p.loss));
  p.gradient = tape.gradient(x);
  return p;
}

void ascend(Model& model, const Tensor& x, const Tensor& x0, const RowLoss& loss, Norm norm, const PgdOptions& options,
            const Seen& seen, Mode mode, const Tensor& momentum) {
  const GradientPoint p = look(model, x, loss, mode);
  if (seen) seen(p);
  pgd_step(x, x0, p.gradient, norm, options, momentum);
}

}  // namespace kelvin
