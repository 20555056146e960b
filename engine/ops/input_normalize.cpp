#include "engine/ops/input_normalize.h"

#include "engine/tape.h"
#include "kernels/layers/input_normalize.h"

namespace kelvin {

Tensor input_normalize(const Tensor& x, const Tensor& mean, const Tensor& std, DType precision) {
  KELVIN_CHECK(x.shape().cols() == mean.size() && mean.size() == std.size(), "input_normalize: x ", x.shape(),
               " with mean ", mean.shape(), " and std ", std.shape());
  const Tensor y = Tensor::empty(x.shape(), precision, x.device());
  dispatch_float(precision, [&]<class T>(Type<T>) {
    on(x.device(), [&](const auto& dev) {
      input_normalize_forward(dev, y.view<T>(), x.view<const float>(), mean.view<const float>(),
                              std.view<const float>());
    });
  });
  // dx = dy / std
  return record("input_normalize", y, {x}, [std](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty(dy.shape(), DType::f32, dy.device());
    on_typed(dy, [&]<class T>(const auto& dev, Type<T>) {
      input_normalize_backward(dev, dx.view<float>(), dy.view<const T>(), std.view<const float>());
    });
    g.add(0, dx);
  });
}

}  // namespace kelvin
