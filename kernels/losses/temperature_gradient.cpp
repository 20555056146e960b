#include "kernels/losses/temperature_gradient.h"

#include "kernels/losses/row_log_softmax.h"

namespace kelvin {

void cross_entropy_temperature_gradient(Cpu, View<float> dtau, View<const float> dloss, View<const float> logits,
                                        View<const std::int32_t> labels, View<const float> tau, float smoothing) {
  const std::int64_t classes = logits.cols();
  const float share = smoothing / static_cast<float>(classes);
  for_each_loss_row(dtau.size(), classes, [&](std::int64_t row) {
    const float* const z = logits.data + row * classes;
    const RowLogSoftmax log_p(z, classes, tau[0]);
    float lead = 0;  // Σ (p_j − q_j)(z_y − z_j)
    for (std::int64_t j = 0; j < classes; ++j)
      if (const float p = log_p.probability(j) - share; p != 0)
        lead += p * (z[labels[row]] - z[j]);  // z_j may be −∞ where p is 0
    dtau[row] = dloss[row] * lead / tau[0] / tau[0];
  });
}

}  // namespace kelvin
