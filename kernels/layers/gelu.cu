// Memory-bound: forward reads x and writes y; backward reads dy and x and writes dx.
#include <cmath>

#include "kernels/layers/gelu.h"
#include "kernels/simt/map.h"

namespace kelvin {
namespace {

__device__ float distribution(float x) { return 0.5f * (1.0f + erff(x * 0.70710678f)); }
__device__ float density(float x) { return 0.39894228f * expf(-0.5f * x * x); }

struct Gelu {
  __device__ float operator()(float x) const { return x * distribution(x); }
};
struct GeluGradient {
  __device__ float operator()(float dy, float x) const { return dy * (distribution(x) + x * density(x)); }
};

}  // namespace

template <class T>
void gelu_forward(const Cuda& cuda, View<T> y, View<const T> x) {
  map_elements(cuda, y, x, Gelu{});
}

template <class T>
void gelu_backward(const Cuda& cuda, View<T> dx, View<const T> dy, View<const T> x) {
  map_elements(cuda, dx, dy, x, GeluGradient{});
}

template void gelu_forward(const Cuda&, View<float>, View<const float>);
template void gelu_forward(const Cuda&, View<bfloat16>, View<const bfloat16>);
template void gelu_backward(const Cuda&, View<float>, View<const float>, View<const float>);
template void gelu_backward(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const bfloat16>);

}  // namespace kelvin
