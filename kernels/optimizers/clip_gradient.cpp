#include "kernels/optimizers/clip_gradient.h"

#include "kernels/device/parallel.h"

namespace kelvin {

void clip_gradient(Cpu, View<float> g, View<const float> norm, float max_norm) {
  const float factor = clip_factor(norm[0], max_norm);
  for_each_element(g.size(), [=](std::int64_t i) { g[i] *= factor; });
}

}  // namespace kelvin
