#include "engine/ops/linear.h"

#include "engine/tape.h"
#include "kernels/arrays/reduce.h"
#include "kernels/products/matmul.h"

namespace kelvin {
namespace {

// y = op(a) · op(b) + bias; a and b of one element type, the last dimension of y is the product's width.
Tensor product(const Device& device, const Tensor& y, const Tensor& a, const Tensor& b, const Tensor& bias,
               const MatmulOptions& options) {
  const View<const float> shift = bias ? bias.view<const float>() : View<const float>();
  const auto as_matrix = [](const Tensor& t) { return t.reshape({t.shape().rows(), t.shape().cols()}); };
  const Tensor a2 = as_matrix(a), b2 = as_matrix(b), y2 = as_matrix(y);
  on(device, [&](const auto& dev) {
    if (a.dtype() == DType::f32)
      matmul(dev, y2.view<float>(), a2.view<const float>(), b2.view<const float>(), shift, options);
    else if (y.dtype() == DType::f32)
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
  const Tensor factor = rounded(w, x.dtype());
  const Tensor y = product(x.device(), Tensor::empty(with_last(x.shape(), w.dim(0)), x.dtype(), x.device()), x, factor,
                           b, {.transpose_b = true});
  // dx = dy·W;  dW = dyᵀ·x;  db = Σ rows of dy
  return record("linear", y, {x, w, b}, [=](const Tensor& dy, Grads& g) {
    if (g.wants(1)) {
      const Tensor dw = g.room(1, w);
      g.add(1, product(g.beside(1, dw, {x, dy}), dw, dy, x, {}, {.transpose_a = true}));
    }
    if (g.wants(0)) g.add(0, product(dy.device(), Tensor::empty_like(x), dy, factor, {}, {}));
    if (g.wants(2)) {
      const Tensor db = g.room(2, b);
      on_typed(dy, [&]<class T>(const auto& dev, Type<T>) { column_sum(dev, db.view<float>(), dy.view<const T>()); });
      g.add(2, db);
    }
  });
}

}  // namespace kelvin
