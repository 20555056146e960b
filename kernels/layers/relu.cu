// Memory-bound: forward reads x and writes y; backward reads dy and y and writes dx.
#include "kernels/layers/relu.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

template <class T>
struct ReluForward {
  static constexpr int kPack = pack_of<T>;
  T* y;
  const T* x;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> v = load<N>(x + i);
    for (int k = 0; k < N; ++k) v[k] = v[k] <= 0.0f ? 0.0f : v[k];
    store<N>(y + i, v);
  }
};

template <class T>
struct ReluBackward {
  static constexpr int kPack = pack_of<T>;
  static constexpr bool kFromTheEnd = true;  // a convolution has just written dy
  T* dx;
  const T *dy, *y;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> g = load<N>(dy + i);
    const Pack<N> out = load<N>(y + i);
    for (int k = 0; k < N; ++k) g[k] = out[k] > 0.0f ? g[k] : 0.0f;
    store<N>(dx + i, g);
  }
};

}  // namespace

template <class T>
void relu_forward(const Cuda& cuda, View<T> y, View<const T> x) {
  launch_elements(cuda, y.size(), can_use_packs(y, x), ReluForward<T>{y.data, x.data});
}

template <class T>
void relu_backward(const Cuda& cuda, View<T> dx, View<const T> dy, View<const T> y) {
  launch_elements(cuda, dx.size(), can_use_packs(dx, dy, y), ReluBackward<T>{dx.data, dy.data, y.data});
}

template void relu_forward(const Cuda&, View<float>, View<const float>);
template void relu_forward(const Cuda&, View<bfloat16>, View<const bfloat16>);
template void relu_backward(const Cuda&, View<float>, View<const float>, View<const float>);
template void relu_backward(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const bfloat16>);

}  // namespace kelvin
