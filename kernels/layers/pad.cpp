#include "kernels/layers/pad.h"

#include <algorithm>

#include "kernels/device/parallel.h"

namespace kelvin {

template <class T>
void pad_end_forward(Cpu, View<T> y, View<const T> x) {
  const std::int64_t rows = y.dim(1), from = x.dim(2) * x.dim(3), to = y.dim(2) * y.dim(3);
  for_each_row(y.dim(0) * rows, to, [&](std::int64_t row) {
    T* const out = y.data + row * to;
    T* end = out;
    if (row % rows < rows - 1) {
      const T* const in = x.data + (row - row / rows) * from;
      end = std::copy(in, in + from, out);
    }
    std::fill(end, out + to, T(0.0f));
  });
}

template <class T>
void pad_end_backward(Cpu, View<T> dx, View<const T> dy) {
  const std::int64_t rows = dx.dim(1), from = dy.dim(2) * dy.dim(3), to = dx.dim(2) * dx.dim(3);
  for_each_row(dx.dim(0) * rows, to, [&](std::int64_t row) {
    const T* const in = dy.data + (row + row / rows) * from;
    std::copy(in, in + to, dx.data + row * to);
  });
}

template void pad_end_forward(Cpu, View<float>, View<const float>);
template void pad_end_forward(Cpu, View<bfloat16>, View<const bfloat16>);
template void pad_end_backward(Cpu, View<float>, View<const float>);
template void pad_end_backward(Cpu, View<bfloat16>, View<const bfloat16>);

}  // namespace kelvin
