#include "kernels/optimizers/adam_step.h"

#include <cmath>

#include "kernels/device/parallel.h"

namespace kelvin {

void adam_step(Cpu, View<float> w, View<float> m, View<float> s, View<const float> g, View<const float> lr,
               View<const float> step, const AdamOptions& o) {
  const double t = step[0];
  const float rate = lr[0] * o.lr_scale;
  const auto step_size = static_cast<float>(rate / (1 - std::pow(static_cast<double>(o.beta1), t)));
  const auto root_correction = static_cast<float>(std::sqrt(1 - std::pow(static_cast<double>(o.beta2), t)));
  const float decoupled = o.decoupled ? rate * o.weight_decay : 0.0f;
  const float coupled = o.decoupled ? 0.0f : o.weight_decay;
  for_each_element(
      w.size(),
      [=](std::int64_t i) {
        const float decayed = w[i] - decoupled * w[i];
        const float gradient = g[i] + coupled * w[i];
        m[i] = o.beta1 * m[i] + (1 - o.beta1) * gradient;
        s[i] = o.beta2 * s[i] + (1 - o.beta2) * gradient * gradient;
        w[i] = decayed - step_size * m[i] / (std::sqrt(s[i]) / root_correction + o.eps);
      },
      /*cost=*/4);
}

}  // namespace kelvin
