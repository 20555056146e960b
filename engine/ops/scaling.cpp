#include "engine/ops/scaling.h"

#include "engine/tape.h"
#include "kernels/arrays/multiply.h"
#include "kernels/layers/normalize_rows.h"

namespace kelvin {
namespace {

Tensor product(const Tensor& x, const Tensor& factor) {
  const Tensor y = Tensor::empty_like(x);
  on(x.device(),
     [&](const auto& dev) { multiply(dev, y.view<float>(), x.view<const float>(), factor.view<const float>()); });
  return y;
}

}  // namespace

Tensor multiply(const Tensor& x, const Tensor& factor) {
  KELVIN_CHECK(factor.size() == 1, "multiply: the factor is one number, got ", factor.shape());
  // dx = factor dy
  return record("multiply", product(x, factor), {x},
                [=](const Tensor& dy, Grads& g) { g.add(0, product(dy, factor)); });
}

Tensor exponential(const Tensor& s) {
  KELVIN_CHECK(s.size() == 1, "exponential: of one number, got ", s.shape());
  const Tensor y = Tensor::empty_like(s);
  on(s.device(), [&](const auto& dev) { exponential(dev, y.view<float>(), s.view<const float>()); });
  // ds = y dy
  return record("exponential", y, {s}, [=](const Tensor& dy, Grads& g) { g.add(0, product(dy, y)); });
}

Tensor normalize_rows(const Tensor& x, float scale) {
  KELVIN_CHECK(x.shape().rank() == 2, "normalize_rows: expected a matrix, got ", x.shape());
  const Tensor y = Tensor::empty_like(x), norm = Tensor::empty({x.dim(0)}, DType::f32, x.device());
  on(x.device(), [&](const auto& dev) {
    normalize_rows_forward(dev, y.view<float>(), norm.view<float>(), x.view<const float>(), scale);
  });
  // dx = scale (dy − x̂ ⟨x̂, dy⟩) / ‖x‖
  return record("normalize_rows", y, {x}, [=](const Tensor& dy, Grads& g) {
    const Tensor dx = Tensor::empty_like(x);
    on(x.device(), [&](const auto& dev) {
      normalize_rows_backward(dev, dx.view<float>(), dy.view<const float>(), x.view<const float>(),
                              norm.view<const float>(), scale);
    });
    g.add(0, dx);
  });
}

}  // namespace kelvin
