#include "engine/ops/silu.h"

#include "engine/tape.h"
#include "kernels/layers/silu.h"

namespace kelvin {

Tensor silu(const Tensor& x) {
  const Tensor y = Tensor::empty_like(x);
  on_typed(x, [&]<class T>(const auto& dev, Type<T>) { silu_forward(dev, y.view<T>(), x.view<const T>()); });
  // dx = dy σ(x) (1 + x (1 − σ(x)))
  return record("silu", y, {x}, [=](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty_like(dy);
    on_typed(dy, [&]<class T>(const auto& dev, Type<T>) {
      silu_backward(dev, dx.view<T>(), dy.view<const T>(), x.view<const T>());
    });
    g.add(0, dx);
  });
}

}  // namespace kelvin
