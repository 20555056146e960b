// Memory-bound: every function reads each input once and writes each output once.
#include "kernels/arrays/elementwise.h"

#include "kernels/device/parallel.h"

namespace kelvin {

template <class T>
void fill(Cpu, View<T> y, T value) {
  for_each_element(y.size(), [=](std::int64_t i) { y[i] = value; });
}

void fill_scaled(Cpu, View<float> y, View<const float> scalar, float factor) { fill(Cpu{}, y, factor * scalar[0]); }

void increment(Cpu, View<float> x) { x[0] += 1.0f; }

template <class To, class From>
void convert(Cpu, View<To> y, View<const From> x) {
  for_each_element(y.size(), [=](std::int64_t i) { y[i] = To(static_cast<float>(x[i])); });
}

template <class To, class From>
void accumulate(Cpu, View<To> y, View<const From> x) {
  for_each_element(y.size(), [=](std::int64_t i) { y[i] = To(static_cast<float>(y[i]) + static_cast<float>(x[i])); });
}

template <class T>
void scale(Cpu, View<T> y, float factor) {
  for_each_element(y.size(), [=](std::int64_t i) { y[i] = T(static_cast<float>(y[i]) * factor); });
}

template <class T>
void add(Cpu, View<T> y, View<const T> a, View<const T> b) {
  for_each_element(y.size(), [=](std::int64_t i) { y[i] = T(static_cast<float>(a[i]) + static_cast<float>(b[i])); });
}

template void fill(Cpu, View<float>, float);
template void fill(Cpu, View<bfloat16>, bfloat16);
template void fill(Cpu, View<std::int32_t>, std::int32_t);
template void convert(Cpu, View<float>, View<const float>);
template void convert(Cpu, View<float>, View<const bfloat16>);
template void convert(Cpu, View<bfloat16>, View<const float>);
template void convert(Cpu, View<bfloat16>, View<const bfloat16>);
template void accumulate(Cpu, View<float>, View<const float>);
template void accumulate(Cpu, View<float>, View<const bfloat16>);
template void accumulate(Cpu, View<bfloat16>, View<const float>);
template void accumulate(Cpu, View<bfloat16>, View<const bfloat16>);
template void scale(Cpu, View<float>, float);
template void scale(Cpu, View<bfloat16>, float);
template void add(Cpu, View<float>, View<const float>, View<const float>);
template void add(Cpu, View<bfloat16>, View<const bfloat16>, View<const bfloat16>);

}  // namespace kelvin
