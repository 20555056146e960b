#include "kernels/layers/silu.h"

#include "kernels/device/parallel.h"
#include "kernels/device/vector_math.h"

namespace kelvin {
namespace {

float sigmoid(float x) { return 1.0f / (1.0f + vector_exp(-x)); }

}  // namespace

template <class T>
void silu_forward(Cpu, View<T> y, View<const T> x) {
  for_each_element(
      y.size(),
      [=](std::int64_t i) {
        const auto v = static_cast<float>(x[i]);
        y[i] = T(v * sigmoid(v));
      },
      /*cost=*/8);
}

template <class T>
void silu_backward(Cpu, View<T> dx, View<const T> dy, View<const T> x) {
  for_each_element(
      dx.size(),
      [=](std::int64_t i) {
        const auto v = static_cast<float>(x[i]);
        const float share = sigmoid(v);
        dx[i] = T(static_cast<float>(dy[i]) * share * (1.0f + v * (1.0f - share)));
      },
      /*cost=*/8);
}

template void silu_forward(Cpu, View<float>, View<const float>);
template void silu_forward(Cpu, View<bfloat16>, View<const bfloat16>);
template void silu_backward(Cpu, View<float>, View<const float>, View<const float>);
template void silu_backward(Cpu, View<bfloat16>, View<const bfloat16>, View<const bfloat16>);

}  // namespace kelvin
