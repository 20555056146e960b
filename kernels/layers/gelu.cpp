#include "kernels/layers/gelu.h"

#include "kernels/device/parallel.h"
#include "kernels/device/vector_math.h"

namespace kelvin {

template <class T>
void gelu_forward(Cpu, View<T> y, View<const T> x) {
  for_each_element(
      y.size(),
      [=](std::int64_t i) {
        const auto v = static_cast<float>(x[i]);
        y[i] = T(v * vector_normal(v).distribution);
      },
      /*cost=*/8);
}

template <class T>
void gelu_backward(Cpu, View<T> dx, View<const T> dy, View<const T> x) {
  for_each_element(
      dx.size(),
      [=](std::int64_t i) {
        const auto v = static_cast<float>(x[i]);
        const Normal normal = vector_normal(v);
        dx[i] = T(static_cast<float>(dy[i]) * (normal.distribution + v * normal.density));
      },
      /*cost=*/8);
}

template void gelu_forward(Cpu, View<float>, View<const float>);
template void gelu_forward(Cpu, View<bfloat16>, View<const bfloat16>);
template void gelu_backward(Cpu, View<float>, View<const float>, View<const float>);
template void gelu_backward(Cpu, View<bfloat16>, View<const bfloat16>, View<const bfloat16>);

}  // namespace kelvin
