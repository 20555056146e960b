#include "engine/ops/tokens.h"

#include "engine/tape.h"
#include "kernels/arrays/reduce.h"
#include "kernels/layers/tokens.h"

namespace kelvin {

Tensor embed_tokens(const Tensor& patches, const Tensor& bias, const Tensor& class_token, const Tensor& positions) {
  const Shape& s = patches.shape();
  KELVIN_CHECK(
      s.rank() == 3 && bias.size() == s[2] && class_token.size() == s[2] && positions.size() == (s[1] + 1) * s[2],
      "embed_tokens: expected patches [B, P, C], bias and class token [C], positions [P+1, C], got ", s, ", ",
      bias.shape(), ", ", class_token.shape(), ", ", positions.shape());
  const Tensor y = Tensor::empty({s[0], s[1] + 1, s[2]}, patches.dtype(), patches.device());
  on_typed(y, [&]<class T>(const auto& dev, Type<T>) {
    embed_tokens_forward(dev, y.view<T>(), patches.view<const T>(), bias.view<const float>(),
                         class_token.view<const float>(), positions.view<const float>());
  });
  return record("embed_tokens", y, {patches, bias, class_token, positions}, [=](const Tensor& dy, Grads& g) {
    const Tensor dpatches = Tensor::empty_like(patches);
    const Tensor dpositions = g.room(3, positions).reshape({patches.dim(1) + 1, patches.dim(2)});
    on_typed(dy, [&]<class T>(const auto& dev, Type<T>) {
      embed_tokens_backward(dev, dpatches.view<T>(), dpositions.view<float>(), dy.view<const T>());
    });
    g.add(0, dpatches);
    if (g.wants(1)) {
      const Tensor dbias = g.room(1, bias);
      on(dy.device(), [&](const auto& dev) {
        column_sum(dev, dbias.view<float>(), dpositions.narrow(1, patches.dim(1)).view<const float>());
      });
      g.add(1, dbias);
    }
    if (g.wants(2)) g.add(2, dpositions.narrow(0, 1).clone());
    g.add(3, dpositions);
  });
}

Tensor class_token_of(const Tensor& tokens) {
  KELVIN_CHECK(tokens.shape().rank() == 3, "class_token_of: expected tokens [B, T, C], got ", tokens.shape());
  const Tensor y = Tensor::empty({tokens.dim(0), tokens.dim(2)}, DType::f32, tokens.device());
  on_typed(tokens, [&]<class T>(const auto& dev, Type<T>) {
    class_token_forward(dev, y.view<float>(), tokens.view<const T>());
  });
  const Shape shape = tokens.shape();
  const DType dtype = tokens.dtype();
  return record("class_token_of", y, {tokens}, [=](const Tensor& dy, Grads& g) {
    const Tensor dtokens = Tensor::empty(shape, dtype, dy.device());
    dispatch_float(dtype, [&]<class T>(Type<T>) {
      on(dy.device(), [&](const auto& dev) { class_token_backward(dev, dtokens.view<T>(), dy.view<const float>()); });
    });
    g.add(0, dtokens);
  });
}

}  // namespace kelvin
