#include "kernels/optimizers/clip_gradient.h"

#include "kernels/device/parallel.h"

namespace kelvin {

void clip_gradient(Cpu, View<float> g, View<const float> norm, float max_norm) {
  const float factor = clip_factor(norm[0], max_norm);
  parallel_for(g.size(), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) g[i] *= factor;
  });
}

}  // namespace kelvin
