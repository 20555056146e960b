// Memory-bound: forward reads x and writes y; backward reads dy and x and writes dx.
#include <cmath>

#include "kernels/layers/gelu.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

__device__ float distribution(float x) { return 0.5f * (1.0f + erff(x * 0.70710678f)); }
__device__ float density(float x) { return 0.39894228f * expf(-0.5f * x * x); }

template <class T>
struct GeluForward {
  static constexpr int kPack = pack_of<T>;
  T* y;
  const T* x;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> v = load<N>(x + i);
    for (int k = 0; k < N; ++k) v[k] *= distribution(v[k]);
    store<N>(y + i, v);
  }
};

template <class T>
struct GeluBackward {
  static constexpr int kPack = pack_of<T>;
  T* dx;
  const T *dy, *x;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> g = load<N>(dy + i);
    const Pack<N> v = load<N>(x + i);
    for (int k = 0; k < N; ++k) g[k] *= distribution(v[k]) + v[k] * density(v[k]);
    store<N>(dx + i, g);
  }
};

}  // namespace

template <class T>
void gelu_forward(const Cuda& cuda, View<T> y, View<const T> x) {
  launch_elements(cuda, y.size(), can_use_packs(y, x), GeluForward<T>{y.data, x.data});
}

template <class T>
void gelu_backward(const Cuda& cuda, View<T> dx, View<const T> dy, View<const T> x) {
  launch_elements(cuda, dx.size(), can_use_packs(dx, dy, x), GeluBackward<T>{dx.data, dy.data, x.data});
}

template void gelu_forward(const Cuda&, View<float>, View<const float>);
template void gelu_forward(const Cuda&, View<bfloat16>, View<const bfloat16>);
template void gelu_backward(const Cuda&, View<float>, View<const float>, View<const float>);
template void gelu_backward(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const bfloat16>);

}  // namespace kelvin
