#include "engine/clip_gradients.h"

#include "kernels/arrays/reduce.h"
#include "kernels/optimizers/clip_gradient.h"

namespace kelvin {

void clip_gradient_norm(const Parameters& parameters, float max_norm) {
  const Tensor& g = parameters.gradients();
  const Tensor norm = Tensor::empty({1}, DType::f32, g.device());
  on(g.device(), [&](const auto& dev) {
    reduce_norm(dev, norm.view<float>(), g.view<const float>());
    clip_gradient(dev, g.view<float>(), norm.view<const float>(), max_norm);
  });
}

}  // namespace kelvin
