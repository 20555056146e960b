// Memory-bound copies: a thread an element. dpositions: a thread sums over the batch for one (token, channel); neighbouring threads have
// neighbouring channels.
#include "kernels/layers/tokens.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

template <class T>
struct EmbedForward {
  T* tokens;
  const T* patches;
  const float *bias, *class_token, *positions;
  std::int64_t count, cols;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const std::int64_t c = i % cols, token = i / cols % count, image = i / cols / count;
    const float from =
        token == 0 ? class_token[c] : to_float(patches[(image * (count - 1) + token - 1) * cols + c]) + bias[c];
    from_float(tokens[i], from + positions[token * cols + c]);
  }
};

template <class T>
struct EmbedBackward {
  T* dpatches;
  float* dpositions;
  const T* dtokens;
  std::int64_t batch, count, cols;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const std::int64_t c = i % cols, token = i / cols;
    float sum = 0;
    for (std::int64_t image = 0; image < batch; ++image) {
      const T from = dtokens[(image * count + token) * cols + c];
      sum += to_float(from);
      if (token > 0) dpatches[(image * (count - 1) + token - 1) * cols + c] = from;
    }
    dpositions[i] = sum;
  }
};

template <class T>
struct ClassTokenForward {
  float* y;
  const T* tokens;
  std::int64_t count, cols;
  template <int N>
  __device__ void run(std::int64_t i) const {
    y[i] = to_float(tokens[i / cols * count * cols + i % cols]);
  }
};

template <class T>
struct ClassTokenBackward {
  T* dtokens;
  const float* dy;
  std::int64_t count, cols;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const std::int64_t row = i / cols;
    from_float(dtokens[i], row % count == 0 ? dy[row / count * cols + i % cols] : 0.0f);
  }
};

}  // namespace

template <class T>
void embed_tokens_forward(const Cuda& cuda, View<T> tokens, View<const T> patches, View<const float> bias,
                          View<const float> class_token, View<const float> positions) {
  launch_elements(cuda, tokens.size(), false,
                  EmbedForward<T>{tokens.data, patches.data, bias.data, class_token.data, positions.data, tokens.dim(1),
                                  tokens.dim(2)});
}

template <class T>
void embed_tokens_backward(const Cuda& cuda, View<T> dpatches, View<float> dpositions, View<const T> dtokens) {
  launch_elements(
      cuda, dpositions.size(), false,
      EmbedBackward<T>{dpatches.data, dpositions.data, dtokens.data, dtokens.dim(0), dtokens.dim(1), dtokens.dim(2)});
}

template <class T>
void class_token_forward(const Cuda& cuda, View<float> y, View<const T> tokens) {
  launch_elements(cuda, y.size(), false, ClassTokenForward<T>{y.data, tokens.data, tokens.dim(1), tokens.dim(2)});
}

template <class T>
void class_token_backward(const Cuda& cuda, View<T> dtokens, View<const float> dy) {
  launch_elements(cuda, dtokens.size(), false,
                  ClassTokenBackward<T>{dtokens.data, dy.data, dtokens.dim(1), dtokens.dim(2)});
}

#define KELVIN_INSTANTIATE(T)                                                                                   \
  template void embed_tokens_forward(const Cuda&, View<T>, View<const T>, View<const float>, View<const float>, \
                                     View<const float>);                                                        \
  template void embed_tokens_backward(const Cuda&, View<T>, View<float>, View<const T>);                        \
  template void class_token_forward(const Cuda&, View<float>, View<const T>);                                   \
  template void class_token_backward(const Cuda&, View<T>, View<const float>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(bfloat16);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
