#include "kernels/optimizers/ema_step.h"

#include "kernels/device/parallel.h"

namespace kelvin {

void ema_step(Cpu, View<float> average, View<const float> x, float decay) {
  const float share = 1.0f - decay;
  parallel_for(average.size(), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) average[i] += share * (x[i] - average[i]);
  });
}

}  // namespace kelvin
