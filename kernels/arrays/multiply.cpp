#include "kernels/arrays/multiply.h"

#include <cmath>

#include "kernels/device/parallel.h"

namespace kelvin {

void multiply(Cpu, View<float> y, View<const float> x, View<const float> factor) {
  const float f = factor[0];
  for_each_element(y.size(), [=](std::int64_t i) { y[i] = f * x[i]; });
}

void exponential(Cpu, View<float> y, View<const float> x) {
  for_each_element(
      y.size(), [=](std::int64_t i) { y[i] = std::exp(x[i]); }, /*cost=*/60);
}

}  // namespace kelvin
