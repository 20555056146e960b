#include "kernels/layers/sync_batch_norm.h"

#include <algorithm>
#include <cmath>

namespace kelvin {

void batch_norm_rank_moments(Cpu, View<float> moments, View<const float> mean, View<const float> unbiased_variance,
                             std::int64_t rows, int rank) {
  const std::int64_t channels = mean.size(), width = 2 * channels + 1;
  std::fill_n(moments.data, moments.size(), 0.0f);
  float* const own = moments.data + rank * width;
  const double biased = static_cast<double>(rows - 1) / static_cast<double>(rows);
  for (std::int64_t c = 0; c < channels; ++c) {
    own[c] = mean[c];
    own[channels + c] = static_cast<float>(unbiased_variance[c] * biased);
  }
  own[2 * channels] = static_cast<float>(rows);
}

void batch_norm_of_ranks(Cpu, const RankStatistics& to, View<const float> moments, float momentum, float eps) {
  const std::int64_t channels = to.mean.size(), width = 2 * channels + 1, end = moments.size();
  double n = 0;
  for (std::int64_t row = 0; row < end; row += width) n += moments[row + 2 * channels];
  to.rows[0] = static_cast<float>(n);
  for (std::int64_t c = 0; c < channels; ++c) {
    double mean = 0, variance = 0;
    for (std::int64_t row = 0; row < end; row += width) mean += moments[row + 2 * channels] / n * moments[row + c];
    for (std::int64_t row = 0; row < end; row += width) {
      const double apart = moments[row + c] - mean;
      variance += moments[row + 2 * channels] / n * (moments[row + channels + c] + apart * apart);
    }
    to.mean[c] = static_cast<float>(mean);
    to.rstd[c] = static_cast<float>(1.0 / std::sqrt(variance + eps));
    to.running_mean[c] += momentum * (to.mean[c] - to.running_mean[c]);
    to.running_variance[c] += momentum * (static_cast<float>(variance * n / (n - 1)) - to.running_variance[c]);
  }
}

}  // namespace kelvin
