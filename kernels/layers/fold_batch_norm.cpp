#include "kernels/layers/fold_batch_norm.h"

#include <cmath>

#include "kernels/device/parallel.h"

namespace kelvin {

void fold_batch_norm(Cpu, View<float> w_folded, View<float> bias, View<const float> w, View<const float> gamma,
                     View<const float> beta, View<const float> mean, View<const float> variance, float eps) {
  const std::int64_t filters = gamma.size(), per_filter = w.size() / filters;
  parallel_for(
      filters,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t k = begin; k < end; ++k) {
          const float factor = gamma[k] / std::sqrt(variance[k] + eps);
          bias[k] = beta[k] - mean[k] * factor;
          for (std::int64_t i = k * per_filter; i < (k + 1) * per_filter; ++i) w_folded[i] = w[i] * factor;
        }
      },
      /*cost=*/per_filter);
}

void reciprocal_stddev(Cpu, View<float> rstd, View<const float> variance, float eps) {
  for (std::int64_t c = 0; c < rstd.size(); ++c) rstd[c] = 1.0f / std::sqrt(variance[c] + eps);
}

}  // namespace kelvin
