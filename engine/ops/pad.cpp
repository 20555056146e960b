#include "engine/ops/pad.h"

#include "engine/tape.h"
#include "kernels/layers/pad.h"

namespace kelvin {

Tensor pad_end(const Tensor& x) {
  KELVIN_CHECK(x.shape().rank() == 4, "pad_end: expected [N, H, W, C], got ", x.shape());
  const Tensor y = Tensor::empty({x.dim(0), x.dim(1) + 1, x.dim(2) + 1, x.dim(3)}, x.dtype(), x.device());
  on_typed(x, [&]<class T>(const auto& dev, Type<T>) { pad_end_forward(dev, y.view<T>(), x.view<const T>()); });
  // dx = dy without its last row and column
  return record("pad_end", y, {x}, [shape = x.shape()](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty(shape, dy.dtype(), dy.device());
    on_typed(dy, [&]<class T>(const auto& dev, Type<T>) { pad_end_backward(dev, dx.view<T>(), dy.view<const T>()); });
    g.add(0, dx);
  });
}

}  // namespace kelvin
