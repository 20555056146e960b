#include "kernels/arrays/multiply.h"

#include <cmath>

#include "kernels/device/parallel.h"

namespace kelvin {

void multiply(Cpu, View<float> y, View<const float> x, View<const float> factor) {
  const float f = factor[0];
  parallel_for(y.size(), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = f * x[i];
  });
}

void exponential(Cpu, View<float> y, View<const float> x) {
  parallel_for(y.size(), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = std::exp(x[i]);
  });
}

}  // namespace kelvin
