#include "engine/ops/layer_norm.h"

#include "engine/tape.h"
#include "kernels/layers/layer_norm.h"

namespace kelvin {

Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, float eps) {
  const std::int64_t cols = x.shape().cols(), rows = x.shape().rows();
  KELVIN_CHECK(gamma.size() == cols && beta.size() == cols, "layer_norm: x ", x.shape(), " needs gamma and beta [",
               cols, "], got ", gamma.shape(), " and ", beta.shape());
  const Tensor y = Tensor::empty_like(x), mean = Tensor::empty({rows}, DType::f32, x.device());
  const Tensor rstd = Tensor::empty_like(mean);
  on_typed(x, [&]<class T>(const auto& dev, Type<T>) {
    layer_norm_forward(dev, y.view<T>(), mean.view<float>(), rstd.view<float>(), x.view<const T>(),
                       gamma.view<const float>(), beta.view<const float>(), eps);
  });
  // With g = γ dy:  dx = rstd (g − mean(g) − x̂ mean(g x̂)),  dγ = Σ dy x̂,  dβ = Σ dy
  return record("layer_norm", y, {x, gamma, beta}, [=](const Tensor& dy, Grads& grads) {
    const Tensor dx = Tensor::empty_like(x);
    const bool has_parameters = grads.wants(1) || grads.wants(2);
    const Tensor dgamma = has_parameters ? grads.room(1, gamma) : Tensor();
    const Tensor dbeta = has_parameters ? grads.room(2, beta) : Tensor();
    on_typed(x, [&]<class T>(const auto& dev, Type<T>) {
      layer_norm_backward(dev, dx.view<T>(), has_parameters ? dgamma.view<float>() : View<float>(),
                          has_parameters ? dbeta.view<float>() : View<float>(), dy.view<const T>(), x.view<const T>(),
                          mean.view<const float>(), rstd.view<const float>(), gamma.view<const float>());
    });
    grads.add(0, dx);
    if (!has_parameters) return;
    grads.add(1, dgamma);
    grads.add(2, dbeta);
  });
}

}  // namespace kelvin
