#include "engine/ops/resize.h"

#include "engine/tape.h"
#include "kernels/layers/resize.h"

namespace kelvin {

Tensor resize_bilinear(const Tensor& x, std::int64_t height, std::int64_t width) {
  KELVIN_CHECK(x.shape().rank() == 4 && x.dim(1) > 0 && x.dim(2) > 0 && height > 0 && width > 0,
               "resize_bilinear: expected images [N, H, W, C], got ", x.shape(), " to ", height, "x", width);
  if (x.dim(1) == height && x.dim(2) == width) return x;
  const Tensor y = Tensor::empty({x.dim(0), height, width, x.dim(3)}, DType::f32, x.device());
  on(x.device(), [&](const auto& dev) { resize_bilinear_forward(dev, y.view<float>(), x.view<const float>()); });
  // dx = Rᵀ dy, R the matrix of the interpolation
  return record("resize_bilinear", y, {x}, [shape = x.shape()](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty(shape, DType::f32, dy.device());
    on(dy.device(), [&](const auto& dev) { resize_bilinear_backward(dev, dx.view<float>(), dy.view<const float>()); });
    g.add(0, dx);
  });
}

}  // namespace kelvin
