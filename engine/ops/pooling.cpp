#include "engine/ops/pooling.h"

#include "engine/tape.h"

namespace kelvin {
namespace {

void check(const char* op, const Tensor& x, const PoolOptions& o) {
  KELVIN_CHECK(x.shape().rank() == 4, op, ": expected [N, H, W, C], got ", x.shape());
  KELVIN_CHECK(o.kernel > 0 && o.stride > 0 && 2 * o.pad <= o.kernel && x.dim(1) + 2 * o.pad >= o.kernel &&
                   x.dim(2) + 2 * o.pad >= o.kernel,
               op, ": window ", o.kernel, ", stride ", o.stride, ", pad ", o.pad, " on ", x.shape());
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const PoolOptions& o) {
  check("max_pool2d", x, o);
  const Tensor y = Tensor::empty(pool_output_shape(x.shape(), o), x.dtype(), x.device());
  on_typed(x, [&]<class T>(const auto& dev, Type<T>) { max_pool2d_forward(dev, y.view<T>(), x.view<const T>(), o); });
  // dx[winner of window] += dy[window]
  return record("max_pool2d", y, {x}, [=](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty_like(x);
    on_typed(x, [&]<class T>(const auto& dev, Type<T>) {
      max_pool2d_backward(dev, dx.view<T>(), dy.view<const T>(), x.view<const T>(), o);
    });
    g.add(0, dx);
  });
}

Tensor avg_pool2d(const Tensor& x, const PoolOptions& o) {
  check("avg_pool2d", x, o);
  const Tensor y = Tensor::empty(pool_output_shape(x.shape(), o), x.dtype(), x.device());
  on_typed(x, [&]<class T>(const auto& dev, Type<T>) { avg_pool2d_forward(dev, y.view<T>(), x.view<const T>(), o); });
  // dx[pixel] = Σ over windows that hold it of dy[window] / area
  return record("avg_pool2d", y, {x}, [o, shape = x.shape()](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty(shape, dy.dtype(), dy.device());
    on_typed(dy,
             [&]<class T>(const auto& dev, Type<T>) { avg_pool2d_backward(dev, dx.view<T>(), dy.view<const T>(), o); });
    g.add(0, dx);
  });
}

Tensor global_avg_pool(const Tensor& x) {
  KELVIN_CHECK(x.shape().rank() == 4, "global_avg_pool: expected [N, H, W, C], got ", x.shape());
  const Tensor y = Tensor::empty({x.dim(0), x.dim(3)}, DType::f32, x.device());
  on_typed(
      x, [&]<class T>(const auto& dev, Type<T>) { global_avg_pool_forward(dev, y.view<float>(), x.view<const T>()); });
  // dx = dy / (H·W)
  return record("global_avg_pool", y, {x}, [shape = x.shape(), dtype = x.dtype()](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty(shape, dtype, dy.device());
    dispatch_float(dtype, [&]<class T>(Type<T>) {
      on(dy.device(), [&](const auto& dev) { global_avg_pool_backward(dev, dx.view<T>(), dy.view<const float>()); });
    });
    g.add(0, dx);
  });
}

}  // namespace kelvin
