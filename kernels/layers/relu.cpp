// Memory-bound: forward reads x and writes y; backward reads dy and y and writes dx.
#include "kernels/layers/relu.h"

#include "kernels/device/lanes.h"
#include "kernels/device/parallel.h"

namespace kelvin {

template <class T>
void relu_forward(Cpu, View<T> y, View<const T> x) {
  parallel_for(x.size(), [=](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes) store_lanes(y.data + i, relu(load_lanes(x.data + i)));
    for (; i < end; ++i) y[i] = T(relu(static_cast<float>(x[i])));
  });
}

template <class T>
void relu_backward(Cpu, View<T> dx, View<const T> dy, View<const T> y) {
  parallel_for(y.size(), [=](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes)
      store_lanes(dx.data + i, where_positive(load_lanes(y.data + i), load_lanes(dy.data + i)));
    for (; i < end; ++i) dx[i] = T(where_positive(static_cast<float>(y[i]), static_cast<float>(dy[i])));
  });
}

template void relu_forward(Cpu, View<float>, View<const float>);
template void relu_forward(Cpu, View<bfloat16>, View<const bfloat16>);
template void relu_backward(Cpu, View<float>, View<const float>, View<const float>);
template void relu_backward(Cpu, View<bfloat16>, View<const bfloat16>, View<const bfloat16>);

}  // namespace kelvin
