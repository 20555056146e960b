// Memory-bound: forward reads x and writes y; backward reads dy and x and writes dx.
#include <cmath>

#include "kernels/layers/silu.h"
#include "kernels/simt/map.h"

namespace kelvin {
namespace {

__device__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

struct Silu {
  __device__ float operator()(float x) const { return x * sigmoid(x); }
};
struct SiluGradient {
  __device__ float operator()(float dy, float x) const {
    const float share = sigmoid(x);
    return dy * share * (1.0f + x * (1.0f - share));
  }
};

}  // namespace

template <class T>
void silu_forward(const Cuda& cuda, View<T> y, View<const T> x) {
  map_elements(cuda, y, x, Silu{});
}

template <class T>
void silu_backward(const Cuda& cuda, View<T> dx, View<const T> dy, View<const T> x) {
  map_elements(cuda, dx, dy, x, SiluGradient{});
}

template void silu_forward(const Cuda&, View<float>, View<const float>);
template void silu_forward(const Cuda&, View<bfloat16>, View<const bfloat16>);
template void silu_backward(const Cuda&, View<float>, View<const float>, View<const float>);
template void silu_backward(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const bfloat16>);

}  // namespace kelvin
