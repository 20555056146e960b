#include "engine/ops/linear.h"

#include "engine/tape.h"
#include "kernels/matmul.h"
#include "kernels/reduce.h"

namespace kelvin {
namespace {

// op(a) · op(b) + bias; a and b of one element type, y of `out` in shape y_shape whose last dimension is the product's width.
Tensor product(const Tensor& a, const Tensor& b, const Tensor& bias, Shape y_shape, DType out,
               const MatmulOptions& options) {
  const Tensor y = Tensor::empty(y_shape, out, a.device());
  const View<const float> shift = bias ? bias.view<const float>() : View<const float>();
  const auto as_matrix = [](const Tensor& t) { return t.reshape({t.shape().rows(), t.shape().cols()}); };
  const Tensor a2 = as_matrix(a), b2 = as_matrix(b), y2 = as_matrix(y);
  on(a.device(), [&](const auto& dev) {
    if (a.dtype() == DType::f32)
      matmul(dev, y2.view<float>(), a2.view<const float>(), b2.view<const float>(), shift, options);
    else if (out == DType::f32)
      matmul(dev, y2.view<float>(), a2.view<const bfloat16>(), b2.view<const bfloat16>(), shift, options);
    else
      matmul(dev, y2.view<bfloat16>(), a2.view<const bfloat16>(), b2.view<const bfloat16>(), shift, options);
  });
  return y;
}

Shape with_last(Shape shape, std::int64_t last) {
  Shape changed;
  for (int i = 0; i + 1 < shape.rank(); ++i) changed.push_back(shape[i]);
  changed.push_back(last);
  return changed;
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b) {
  KELVIN_CHECK(x.shape().rank() >= 2 && w.shape().rank() == 2 && x.dim(-1) == w.dim(1) && (!b || b.size() == w.dim(0)),
               "linear: expected x [..., d], w [K, d], b [K], got ", x.shape(), ", ", w.shape(), ", ", b.shape());
  const Tensor rounded = w.to(x.dtype());
  const Tensor y = product(x, rounded, b, with_last(x.shape(), w.dim(0)), x.dtype(), {.transpose_b = true});
  // dx = dy·W;  dW = dyᵀ·x;  db = Σ rows of dy
  return record("linear", y, {x, w, b}, [=](const Tensor& dy, Grads& g) {
    if (g.wants(0)) g.add(0, product(dy, rounded, {}, x.shape(), x.dtype(), {}));
    if (g.wants(1)) g.add(1, product(dy, x, {}, w.shape(), DType::f32, {.transpose_a = true}));
    if (g.wants(2)) {
      const Tensor db = Tensor::empty(b.shape(), DType::f32, dy.device());
      dispatch_float(dy.dtype(), [&]<class T>(Type<T>) {
        on(dy.device(), [&](const auto& dev) { column_sum(dev, db.view<float>(), dy.view<const T>()); });
      });
      g.add(2, db);
    }
  });
}

}  // namespace kelvin
