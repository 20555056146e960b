#include "kernels/optimizers/ema_step.h"

#include "kernels/device/parallel.h"

namespace kelvin {

void ema_step(Cpu, View<float> average, View<const float> x, float decay) {
  const float share = 1.0f - decay;
  for_each_element(average.size(), [=](std::int64_t i) { average[i] += share * (x[i] - average[i]); });
}

}  // namespace kelvin
