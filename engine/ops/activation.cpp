#include "engine/ops/activation.h"

#include "engine/tape.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/layers/gelu.h"
#include "kernels/layers/relu.h"

namespace kelvin {

Tensor relu(const Tensor& x) {
  const Tensor y = Tensor::empty_like(x);
  on_typed(x, [&]<class T>(const auto& dev, Type<T>) { relu_forward(dev, y.view<T>(), x.view<const T>()); });
  // dx = dy·1[y > 0]
  return record("relu", y, {x}, [=](const Tensor& dy, Grads& g) { g.add(0, relu_gradient(dy, y)); });
}

Tensor relu_gradient(const Tensor& dy, const Tensor& y) {
  const Tensor dx = dy.is_sole_owner() ? dy : Tensor::empty_like(dy);
  on_typed(dy, [&]<class T>(const auto& dev, Type<T>) {
    relu_backward(dev, dx.view<T>(), dy.view<const T>(), y.view<const T>());
  });
  return dx;
}

Tensor gelu(const Tensor& x) {
  const Tensor y = Tensor::empty_like(x);
  on_typed(x, [&]<class T>(const auto& dev, Type<T>) { gelu_forward(dev, y.view<T>(), x.view<const T>()); });
  // dx = dy (Φ(x) + x φ(x))
  return record("gelu", y, {x}, [=](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty_like(dy);
    on_typed(dy, [&]<class T>(const auto& dev, Type<T>) {
      gelu_backward(dev, dx.view<T>(), dy.view<const T>(), x.view<const T>());
    });
    g.add(0, dx);
  });
}

Tensor add(const Tensor& a, const Tensor& b) {
  KELVIN_CHECK(a.shape() == b.shape() && a.dtype() == b.dtype(), "add: ", a.shape(), " and ", b.shape());
  const Tensor y = Tensor::empty_like(a);
  on_typed(a, [&]<class T>(const auto& dev, Type<T>) { add(dev, y.view<T>(), a.view<const T>(), b.view<const T>()); });
  // da = dy;  db = dy
  return record("add", y, {a, b}, [](const Tensor& dy, Grads& g) {
    g.add(0, dy);
    g.add(1, dy);
  });
}

}  // namespace kelvin
