// Elementwise over the channels, once a layer: the overhead of a launch is all that they cost.
#include "kernels/device/with_flag.h"
#include "kernels/layers/batch_norm.h"
#include "kernels/layers/batch_norm_gradient.h"
#include "kernels/layers/sync_batch_norm.h"
#include "kernels/simt/launch.h"

namespace kelvin {
namespace {

struct RankMoments {
  float* moments;
  const float *mean, *unbiased_variance;
  std::int64_t channels, rows, own;  // own: where this rank's row begins
  template <int N>
  __device__ void run(std::int64_t i) const {
    const std::int64_t at = i - own;
    const double n = static_cast<double>(rows);
    float value = 0;
    if (at >= 0 && at < channels) value = mean[at];
    if (at >= channels && at < 2 * channels)
      value = static_cast<float>(unbiased_variance[at - channels] * ((n - 1) / n));
    if (at == 2 * channels) value = static_cast<float>(n);
    moments[i] = value;
  }
};

struct OfRanks {
  float *to_mean, *rstd, *rows, *running_mean, *running_variance;
  const float* moments;
  std::int64_t channels, end;
  float momentum, eps;
  template <int N>
  __device__ void run(std::int64_t c) const {
    const std::int64_t width = 2 * channels + 1;
    double n = 0, mean = 0, variance = 0;
    for (std::int64_t row = 0; row < end; row += width) n += moments[row + 2 * channels];
    for (std::int64_t row = 0; row < end; row += width) mean += moments[row + 2 * channels] / n * moments[row + c];
    for (std::int64_t row = 0; row < end; row += width) {
      const double apart = moments[row + c] - mean;
      variance += moments[row + 2 * channels] / n * (moments[row + channels + c] + apart * apart);
    }
    to_mean[c] = static_cast<float>(mean);
    rstd[c] = static_cast<float>(1.0 / sqrt(variance + eps));
    running_mean[c] += momentum * (to_mean[c] - running_mean[c]);
    running_variance[c] += momentum * (static_cast<float>(variance * n / (n - 1)) - running_variance[c]);
    if (c == 0) rows[0] = static_cast<float>(n);
  }
};

// The same from totals over all ranks.
struct FactorsOfTotals {
  InputFactors factors;
  const float *mean, *rstd, *gamma, *dgamma, *dbeta;
  const float* rows;
  template <int N>
  __device__ void run(std::int64_t c) const {
    const double n = *rows;
    const double slope = static_cast<double>(gamma[c]) * rstd[c], pull = -slope * rstd[c] * dgamma[c] / n;
    factors.a[c] = static_cast<float>(slope);
    factors.b[c] = static_cast<float>(pull);
    factors.c[c] = static_cast<float>(-slope * dbeta[c] / n - pull * mean[c]);
  }
};

}  // namespace

void batch_norm_rank_moments(const Cuda& cuda, View<float> moments, View<const float> mean,
                             View<const float> unbiased_variance, std::int64_t rows, int rank) {
  const std::int64_t channels = mean.size();
  launch_elements(
      cuda, moments.size(), false,
      RankMoments{moments.data, mean.data, unbiased_variance.data, channels, rows, rank * (2 * channels + 1)});
}

void batch_norm_of_ranks(const Cuda& cuda, const RankStatistics& to, View<const float> moments, float momentum,
                         float eps) {
  launch_elements(cuda, to.mean.size(), false,
                  OfRanks{to.mean.data, to.rstd.data, to.rows.data, to.running_mean.data, to.running_variance.data,
                          moments.data, to.mean.size(), moments.size(), momentum, eps});
}

template <class T>
void batch_norm_input_gradient(const Cuda& cuda, View<T> dx, View<const T> dy, View<const std::uint8_t> mask,
                               View<const T> x, const BatchNormFactors& of, const BatchNormTotals& totals) {
  const std::int64_t channels = x.cols(), stride = pieces(channels, kElementsPerThread) * kElementsPerThread;
  const CudaBlock block(cuda, static_cast<std::size_t>(3 * stride) * sizeof(float));
  auto* const start = block.as<float>();
  const InputFactors factors = {start, start + stride, start + 2 * stride};
  launch_elements(cuda, channels, false,
                  FactorsOfTotals{factors, of.mean.data, of.rstd.data, of.gamma.data, totals.dgamma.data,
                                  totals.dbeta.data, totals.rows.data});
  with_flag(!mask.empty(), [&](auto has_relu) {
    launch_channels(cuda, x.rows(), channels, can_use_packs(dx, dy, x),
                    InputGradient<T, has_relu>{dx.data, dy.data, x.data, mask.data, factors});
  });
}

template void batch_norm_input_gradient(const Cuda&, View<float>, View<const float>, View<const std::uint8_t>,
                                        View<const float>, const BatchNormFactors&, const BatchNormTotals&);
template void batch_norm_input_gradient(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const std::uint8_t>,
                                        View<const bfloat16>, const BatchNormFactors&, const BatchNormTotals&);

}  // namespace kelvin
