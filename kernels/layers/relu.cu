// Memory-bound: forward reads x and writes y; backward reads dy and y and writes dx.
#include "kernels/layers/relu.h"
#include "kernels/simt/map.h"

namespace kelvin {
namespace {

struct Relu {
  __device__ float operator()(float x) const { return x <= 0.0f ? 0.0f : x; }
};
struct ReluGradient {
  static constexpr bool kFromTheEnd = true;  // a convolution has just written dy
  __device__ float operator()(float dy, float y) const { return y > 0.0f ? dy : 0.0f; }
};

}  // namespace

template <class T>
void relu_forward(const Cuda& cuda, View<T> y, View<const T> x) {
  map_elements(cuda, y, x, Relu{});
}

template <class T>
void relu_backward(const Cuda& cuda, View<T> dx, View<const T> dy, View<const T> y) {
  map_elements(cuda, dx, dy, y, ReluGradient{});
}

template void relu_forward(const Cuda&, View<float>, View<const float>);
template void relu_forward(const Cuda&, View<bfloat16>, View<const bfloat16>);
template void relu_backward(const Cuda&, View<float>, View<const float>, View<const float>);
template void relu_backward(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const bfloat16>);

}  // namespace kelvin
