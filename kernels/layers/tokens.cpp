#include "kernels/layers/tokens.h"

#include "kernels/device/parallel.h"

namespace kelvin {

template <class T>
void embed_tokens_forward(Cpu, View<T> tokens, View<const T> patches, View<const float> bias,
                          View<const float> class_token, View<const float> positions) {
  const std::int64_t count = tokens.dim(1), cols = tokens.dim(2);
  for_each_row(tokens.rows(), cols, [&](std::int64_t row) {
    const std::int64_t image = row / count, token = row % count;
    T* const to = tokens.data + row * cols;
    const float* const position = positions.data + token * cols;
    if (token == 0) {
      for (std::int64_t c = 0; c < cols; ++c) to[c] = T(class_token[c] + position[c]);
      return;
    }
    const T* const from = patches.data + (image * (count - 1) + token - 1) * cols;
    for (std::int64_t c = 0; c < cols; ++c) to[c] = T(static_cast<float>(from[c]) + bias[c] + position[c]);
  });
}

template <class T>
void embed_tokens_backward(Cpu, View<T> dpatches, View<float> dpositions, View<const T> dtokens) {
  const std::int64_t batch = dtokens.dim(0), count = dtokens.dim(1), cols = dtokens.dim(2);
  for_each_row(count, batch * cols, [&](std::int64_t token) {
    float* const sum = dpositions.data + token * cols;
    std::fill(sum, sum + cols, 0.0f);
    for (std::int64_t image = 0; image < batch; ++image) {
      const T* const from = dtokens.data + (image * count + token) * cols;
      for (std::int64_t c = 0; c < cols; ++c) sum[c] += static_cast<float>(from[c]);
      if (token > 0) std::copy(from, from + cols, dpatches.data + (image * (count - 1) + token - 1) * cols);
    }
  });
}

template <class T>
void class_token_forward(Cpu, View<float> y, View<const T> tokens) {
  const std::int64_t count = tokens.dim(1), cols = tokens.dim(2);
  for_each_row(tokens.dim(0), cols, [&](std::int64_t image) {
    for (std::int64_t c = 0; c < cols; ++c) y[image * cols + c] = static_cast<float>(tokens[image * count * cols + c]);
  });
}

template <class T>
void class_token_backward(Cpu, View<T> dtokens, View<const float> dy) {
  const std::int64_t count = dtokens.dim(1), cols = dtokens.dim(2);
  for_each_row(dtokens.rows(), cols, [&](std::int64_t row) {
    T* const to = dtokens.data + row * cols;
    const float* const from = dy.data + row / count * cols;
    for (std::int64_t c = 0; c < cols; ++c) to[c] = T(row % count == 0 ? from[c] : 0.0f);
  });
}

#define KELVIN_INSTANTIATE(T)                                                                           \
  template void embed_tokens_forward(Cpu, View<T>, View<const T>, View<const float>, View<const float>, \
                                     View<const float>);                                                \
  template void embed_tokens_backward(Cpu, View<T>, View<float>, View<const T>);                        \
  template void class_token_forward(Cpu, View<float>, View<const T>);                                   \
  template void class_token_backward(Cpu, View<T>, View<const float>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(bfloat16);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
