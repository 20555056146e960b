#include "engine/ops/activation.h"

#include "engine/tape.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/layers/gelu.h"
#include "kernels/layers/relu.h"

namespace kelvin {

Tensor relu(const Tensor& x) {
  const Tensor y = Tensor::empty_like(x);
  dispatch_float(x.dtype(), [&]<class T>(Type<T>) {
    on(x.device(), [&](const auto& dev) { relu_forward(dev, y.view<T>(), x.view<const T>()); });
  });
  // dx = dy·1[y > 0]
  return record("relu", y, {x}, [=](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty_like(dy);
    dispatch_float(dy.dtype(), [&]<class T>(Type<T>) {
      on(dy.device(),
         [&](const auto& dev) { relu_backward(dev, dx.view<T>(), dy.view<const T>(), y.view<const T>()); });
    });
    g.add(0, dx);
  });
}

Tensor gelu(const Tensor& x) {
  const Tensor y = Tensor::empty_like(x);
  dispatch_float(x.dtype(), [&]<class T>(Type<T>) {
    on(x.device(), [&](const auto& dev) { gelu_forward(dev, y.view<T>(), x.view<const T>()); });
  });
  // dx = dy (Φ(x) + x φ(x))
  return record("gelu", y, {x}, [=](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty_like(dy);
    dispatch_float(dy.dtype(), [&]<class T>(Type<T>) {
      on(dy.device(),
         [&](const auto& dev) { gelu_backward(dev, dx.view<T>(), dy.view<const T>(), x.view<const T>()); });
    });
    g.add(0, dx);
  });
}

Tensor add(const Tensor& a, const Tensor& b) {
  KELVIN_CHECK(a.shape() == b.shape() && a.dtype() == b.dtype(), "add: ", a.shape(), " and ", b.shape());
  const Tensor y = Tensor::empty_like(a);
  dispatch_float(a.dtype(), [&]<class T>(Type<T>) {
    on(a.device(), [&](const auto& dev) { add(dev, y.view<T>(), a.view<const T>(), b.view<const T>()); });
  });
  // da = dy;  db = dy
  return record("add", y, {a, b}, [](const Tensor& dy, Grads& g) {
    g.add(0, dy);
    g.add(1, dy);
  });
}

}  // namespace kelvin
