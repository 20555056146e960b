#include "kernels/gelu.h"

#include <cmath>

#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

constexpr float kRootHalf = 0.70710678f, kDensityAtZero = 0.39894228f;

float distribution(float x) { return 0.5f * (1.0f + std::erf(x * kRootHalf)); }
float density(float x) { return kDensityAtZero * std::exp(-0.5f * x * x); }

}  // namespace

template <class T>
void gelu_forward(Cpu, View<T> y, View<const T> x) {
  parallel_for(y.size(), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto v = static_cast<float>(x[i]);
      y[i] = T(v * distribution(v));
    }
  });
}

template <class T>
void gelu_backward(Cpu, View<T> dx, View<const T> dy, View<const T> x) {
  parallel_for(dx.size(), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto v = static_cast<float>(x[i]);
      dx[i] = T(static_cast<float>(dy[i]) * (distribution(v) + v * density(v)));
    }
  });
}

template void gelu_forward(Cpu, View<float>, View<const float>);
template void gelu_forward(Cpu, View<bfloat16>, View<const bfloat16>);
template void gelu_backward(Cpu, View<float>, View<const float>, View<const float>);
template void gelu_backward(Cpu, View<bfloat16>, View<const bfloat16>, View<const bfloat16>);

}  // namespace kelvin
