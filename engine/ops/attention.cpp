#include "engine/ops/attention.h"

#include "engine/tape.h"
#include "kernels/attention/attention.h"

namespace kelvin {

Tensor attention(const Tensor& qkv) {
  const Shape& s = qkv.shape();
  KELVIN_CHECK(s.rank() == 5 && s[2] == 3, "attention: expected qkv [B, T, 3, H, D], got ", s);
  const Tensor y = Tensor::empty({s[0], s[1], s[3] * s[4]}, qkv.dtype(), qkv.device());
  const Tensor log_sum_exp = Tensor::empty({s[0], s[3], s[1]}, DType::f32, qkv.device());
  on_typed(qkv, [&]<class T>(const auto& dev, Type<T>) {
    attention_forward(dev, y.view<T>(), log_sum_exp.view<float>(), qkv.view<const T>());
  });
  // dS = P (dP − δ);  dq = dS k / √D;  dk = dSᵀ q / √D;  dv = Pᵀ dy
  return record("attention", y, {qkv}, [=](const Tensor& dy, Grads& g) {
    const Tensor dqkv = Tensor::empty_like(qkv);
    on_typed(qkv, [&]<class T>(const auto& dev, Type<T>) {
      attention_backward(dev, dqkv.view<T>(), dy.view<const T>(), y.view<const T>(), log_sum_exp.view<const float>(),
                         qkv.view<const T>());
    });
    g.add(0, dqkv);
  });
}

}  // namespace kelvin
