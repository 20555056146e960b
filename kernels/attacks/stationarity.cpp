#include "kernels/attacks/stationarity.h"

#include <cmath>

#include "kernels/device/parallel.h"

namespace kelvin {

void stationarity(Cpu, View<float> fosc, View<float> is_zero, View<const float> x, View<const float> x0,
                  View<const float> g, float eps) {
  const std::int64_t images = fosc.size(), pixels = images > 0 ? g.size() / images : 0;
  parallel_for(
      images,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
          double gap = 0;
          bool has_gradient = false;
          for (std::int64_t i = n * pixels; i < (n + 1) * pixels; ++i) {
            gap += static_cast<double>(eps) * std::abs(g[i]) - (static_cast<double>(x[i]) - x0[i]) * g[i];
            has_gradient = has_gradient || g[i] != 0.0f;  // NaN is a gradient too
          }
          fosc[n] = static_cast<float>(gap);
          is_zero[n] = has_gradient ? 0.0f : 1.0f;
        }
      },
      /*cost=*/8 * pixels);
}

}  // namespace kelvin
