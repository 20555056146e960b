// Reads w, v, g and writes w, v: five streams over the parameters, once a step.
#include "kernels/optimizers/sgd_step.h"

#include "kernels/device/parallel.h"

namespace kelvin {

void sgd_step(Cpu, View<float> w, View<float> v, View<const float> g, View<const float> lr, const SgdOptions& o) {
  const float rate = lr[0] * o.lr_scale;
  for_each_element(
      w.size(),
      [=](std::int64_t i) {
        const float gradient = g[i] + o.weight_decay * w[i];
        const float velocity = o.momentum * v[i] + gradient;
        v[i] = velocity;
        w[i] -= rate * (o.nesterov ? gradient + o.momentum * velocity : velocity);
      },
      /*cost=*/2);
}

}  // namespace kelvin
