#include "engine/ops/linear.h"

#include "engine/tape.h"
#include "kernels/matmul.h"
#include "kernels/reduce.h"

namespace kelvin {
namespace {

Tensor product(const Tensor& a, const Tensor& b, const Tensor& bias, Shape y_shape, const MatmulOptions& options) {
  Tensor y = Tensor::empty(y_shape, DType::f32, a.device());
  on(a.device(), [&](const auto& dev) {
    matmul(dev, y.view<float>(), a.view<const float>(), b.view<const float>(),
           bias ? bias.view<const float>() : View<const float>(), options);
  });
  return y;
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b) {
  KELVIN_CHECK(x.shape().rank() == 2 && w.shape().rank() == 2 && x.dim(1) == w.dim(1) && (!b || b.size() == w.dim(0)),
               "linear: expected x [N, d], w [K, d], b [K], got ", x.shape(), ", ", w.shape(), ", ", b.shape());
  Tensor y = product(x, w, b, {x.dim(0), w.dim(0)}, {.transpose_b = true});
  // dx = dy·W;  dW = dyᵀ·x;  db = Σ rows of dy
  return record("linear", y, {x, w, b}, [=](const Tensor& dy, Grads& g) {
    if (g.wants(0)) g.add(0, product(dy, w, {}, x.shape(), {}));
    if (g.wants(1)) g.add(1, product(dy, x, {}, w.shape(), {.transpose_a = true}));
    if (g.wants(2)) {
      const Tensor db = Tensor::empty(b.shape(), DType::f32, dy.device());
      on(dy.device(), [&](const auto& dev) { column_sum(dev, db.view<float>(), dy.view<const float>()); });
      g.add(2, db);
    }
  });
}

}  // namespace kelvin
