// Column reductions keep their accumulators in registers: up to four groups of 16 channels at a time run down a block of
// rows; a block (`kStatisticsRows` rows) is small enough that a second pass for the next groups finds it in the cache.
#include "kernels/layers/batch_norm.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/device/lanes.h"
#include "kernels/device/parallel.h"
#include "kernels/device/with_flag.h"
#include "kernels/layers/relu_mask.h"

namespace kelvin {
namespace {

constexpr std::int64_t kStatisticsRows = 128;

// Two sums per channel of one block of rows.
struct Sums {
  float* first;   // [C]
  float* second;  // [C]
};

// One step of a reduction adds to both sums, for 16 channels (`add`) or one (`add_one`), given the offset of the element and
// its channel.
template <int Groups, class Step>
void reduce_groups(Sums sums, std::int64_t c, std::int64_t channels, std::int64_t begin, std::int64_t end,
                   const Step& step) {
  Lanes first[Groups] = {}, second[Groups] = {};
  for (std::int64_t row = begin; row < end; ++row)
#pragma GCC unroll 4
    for (int g = 0; g < Groups; ++g) step.add(first[g], second[g], row * channels + c + g * kLanes, c + g * kLanes);
  for (int g = 0; g < Groups; ++g) {
    store_lanes(sums.first + c + g * kLanes, first[g]);
    store_lanes(sums.second + c + g * kLanes, second[g]);
  }
}

template <class Step>
void reduce_block(Sums sums, std::int64_t channels, std::int64_t begin, std::int64_t end, const Step& step) {
  std::int64_t c = 0;
  for (; c + 4 * kLanes <= channels; c += 4 * kLanes) reduce_groups<4>(sums, c, channels, begin, end, step);
  for (; c + kLanes <= channels; c += kLanes) reduce_groups<1>(sums, c, channels, begin, end, step);
  for (; c < channels; ++c) {
    float first = 0, second = 0;
    for (std::int64_t row = begin; row < end; ++row) step.add_one(first, second, row * channels + c, c);
    sums.first[c] = first;
    sums.second[c] = second;
  }
}

// Sums over all rows: blocks in parallel, then combined in double in the order of the blocks.
template <class Step>
void reduce_columns(std::vector<double>& first, std::vector<double>& second, std::int64_t rows, std::int64_t channels,
                    const Step& step) {
  const std::int64_t blocks = (rows + kStatisticsRows - 1) / kStatisticsRows;
  std::vector<float> partial(static_cast<std::size_t>(2 * blocks * channels));
  parallel_for(
      blocks,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t b = begin; b < end; ++b) {
          float* const at = partial.data() + 2 * b * channels;
          reduce_block({at, at + channels}, channels, b * kStatisticsRows, std::min(rows, (b + 1) * kStatisticsRows),
                       step);
        }
      },
      /*cost=*/2 * kStatisticsRows * channels);
  first.assign(static_cast<std::size_t>(channels), 0.0);
  second.assign(static_cast<std::size_t>(channels), 0.0);
  for (std::int64_t b = 0; b < blocks; ++b)
    for (std::int64_t c = 0; c < channels; ++c) {
      first[static_cast<std::size_t>(c)] += partial[static_cast<std::size_t>(2 * b * channels + c)];
      second[static_cast<std::size_t>(c)] += partial[static_cast<std::size_t>((2 * b + 1) * channels + c)];
    }
}

// Calls f.lanes(offset, c) and f.one(offset, c) over all elements, rows in parallel.
template <class F>
void for_rows(std::int64_t rows, std::int64_t channels, const F& f) {
  parallel_for(
      rows,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          std::int64_t c = 0;
          for (; c + kLanes <= channels; c += kLanes) f.lanes(row * channels + c, c);
          for (; c < channels; ++c) f.one(row * channels + c, c);
        }
      },
      /*cost=*/2 * channels);
}

// Σ (x − shift), Σ (x − shift)²
template <class T>
struct MomentStep {
  const T* x;
  const float* shift;  // [C]
  [[gnu::always_inline]] void add(Lanes& first, Lanes& second, std::int64_t at, std::int64_t c) const {
    const Lanes d = load_lanes(x + at) - load_lanes(shift + c);
    first += d;
    second += d * d;
  }
  void add_one(float& first, float& second, std::int64_t at, std::int64_t c) const {
    const float d = static_cast<float>(x[at]) - shift[c];
    first += d;
    second += d * d;
  }
};

// The bits of the elements from `at` on, at least sixteen of them, and of one element.
[[gnu::always_inline]] inline std::uint32_t load_bits(const std::uint8_t* mask, std::int64_t at) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, mask + (at >> 3), sizeof bits);
  return bits >> (at & 7);
}
float where_bit(const std::uint8_t* mask, std::int64_t at, float g) {
  return (mask[at >> 3] >> (at & 7) & 1) != 0 ? g : 0.0f;
}

// `mask`: null, or where the ReLU's bits go; then channels are a multiple of sixteen
template <class T, bool kResidual, bool kRelu>
struct ApplyStep {
  T* y;
  std::uint8_t* mask;
  const T *x, *residual;
  const float *factor, *offset;  // [C]
  [[gnu::always_inline]] void lanes(std::int64_t at, std::int64_t c) const {
    Lanes v = load_lanes(x + at) * load_lanes(factor + c) + load_lanes(offset + c);
    if constexpr (kResidual) v += load_lanes(residual + at);
    store_lanes(y + at, kRelu ? relu(v) : v);
    if (kRelu && mask != nullptr) {
      const std::uint16_t bits = positive_bits(v);
      std::memcpy(mask + (at >> 3), &bits, sizeof bits);
    }
  }
  void one(std::int64_t at, std::int64_t c) const {
    float v = static_cast<float>(x[at]) * factor[c] + offset[c];
    if constexpr (kResidual) v += static_cast<float>(residual[at]);
    y[at] = T(kRelu ? relu(v) : v);
  }
};

// g = dy where the ReLU let pass: Σ g, Σ g (x − mean); stores g into dresidual when that is wanted.
template <class T, bool kRelu, bool kStore>
struct GradientStep {
  const T *dy, *x;
  const std::uint8_t* mask;
  T* dresidual;
  const float* mean;  // [C]
  [[gnu::always_inline]] void add(Lanes& first, Lanes& second, std::int64_t at, std::int64_t c) const {
    Lanes g = load_lanes(dy + at);
    if constexpr (kRelu) g = where_bits(load_bits(mask, at), g);
    if constexpr (kStore) store_lanes(dresidual + at, g);
    first += g;
    second += g * (load_lanes(x + at) - load_lanes(mean + c));
  }
  void add_one(float& first, float& second, std::int64_t at, std::int64_t c) const {
    float g = static_cast<float>(dy[at]);
    if constexpr (kRelu) g = where_bit(mask, at, g);
    if constexpr (kStore) dresidual[at] = T(g);
    first += g;
    second += g * (static_cast<float>(x[at]) - mean[c]);
  }
};

// dx = a g + b x + c for each channel, from Σ g and Σ g (x − mean) over n rows; a alone where the statistics do not depend on x
struct InputFactors {
  std::vector<float> numbers;
  float *const a, *const b, *const c;
  explicit InputFactors(std::int64_t channels)
      : numbers(static_cast<std::size_t>(3 * channels)), a(numbers.data()), b(a + channels), c(b + channels) {}
  void set(std::int64_t k, const BatchNormFactors& of, double sum_g, double sum_gx, double n, bool is_training) {
    const double slope = static_cast<double>(of.gamma[k]) * of.rstd[k];
    a[k] = static_cast<float>(slope);
    if (!is_training) return;
    const double pull = -slope * of.rstd[k] * of.rstd[k] * sum_gx / n;
    b[k] = static_cast<float>(pull);
    c[k] = static_cast<float>(-slope * sum_g / n - pull * of.mean[k]);
  }
};

// dx = a g + b x + c per channel, g masked again unless it was stored
template <class T, bool kRelu>
struct InputGradientStep {
  T* dx;
  const T *dy, *x;
  const std::uint8_t* mask;
  const float *a, *b, *c;  // [C]
  [[gnu::always_inline]] void lanes(std::int64_t at, std::int64_t channel) const {
    Lanes g = load_lanes(dy + at);
    if constexpr (kRelu) g = where_bits(load_bits(mask, at), g);
    store_lanes(dx + at,
                load_lanes(a + channel) * g + load_lanes(b + channel) * load_lanes(x + at) + load_lanes(c + channel));
  }
  void one(std::int64_t at, std::int64_t channel) const {
    float g = static_cast<float>(dy[at]);
    if constexpr (kRelu) g = where_bit(mask, at, g);
    dx[at] = T(a[channel] * g + b[channel] * static_cast<float>(x[at]) + c[channel]);
  }
};

}  // namespace

template <class T>
void batch_norm_statistics(Cpu, View<float> mean, View<float> rstd, View<float> running_mean,
                           View<float> running_variance, View<const T> x, float momentum, float eps) {
  const std::int64_t rows = x.rows(), channels = x.cols();
  KELVIN_CHECK(rows > 1, "batch statistics of ", rows, " row");
  std::vector<float> shift(static_cast<std::size_t>(channels));  // the first row: near the data, so squares stay small
  for (std::int64_t c = 0; c < channels; ++c) shift[static_cast<std::size_t>(c)] = static_cast<float>(x[c]);
  std::vector<double> first, second;
  reduce_columns(first, second, rows, channels, MomentStep<T>{x.data, shift.data()});
  const auto n = static_cast<double>(rows);
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto i = static_cast<std::size_t>(c);
    const double mean_of_shifted = first[i] / n;
    const double variance = std::max(0.0, second[i] / n - mean_of_shifted * mean_of_shifted);
    mean[c] = static_cast<float>(shift[i] + mean_of_shifted);
    rstd[c] = static_cast<float>(1.0 / std::sqrt(variance + eps));
    if (running_mean.empty()) continue;
    running_mean[c] += momentum * (mean[c] - running_mean[c]);
    running_variance[c] += momentum * (static_cast<float>(variance * n / (n - 1)) - running_variance[c]);
  }
}

template <class T>
void batch_norm_apply(Cpu cpu, View<T> y, View<std::uint8_t> mask, View<const T> x, const BatchNormFactors& factors,
                      View<const T> residual, bool relu) {
  const auto& [mean, rstd, gamma, beta] = factors;
  KELVIN_CHECK(mask.empty() || (relu && mask.size() == relu_mask_bytes(y.size())), "a mask of ", mask.size(), " bytes");
  const std::int64_t channels = x.cols();
  std::vector<float> factor(static_cast<std::size_t>(channels)), offset(static_cast<std::size_t>(channels));
  for (std::int64_t c = 0; c < channels; ++c) {
    factor[static_cast<std::size_t>(c)] = gamma[c] * rstd[c];
    offset[static_cast<std::size_t>(c)] = beta[c] - mean[c] * gamma[c] * rstd[c];
  }
  const bool has_whole_bits = channels % kLanes == 0;  // else neighbouring rows, two threads' perhaps, share a byte
  std::uint8_t* const bits = has_whole_bits ? mask.data : nullptr;
  with_flag(!residual.empty(), [&](auto has_residual) {
    with_flag(relu, [&](auto has_relu) {
      for_rows(x.rows(), channels,
               ApplyStep<T, has_residual, has_relu>{y.data, bits, x.data, residual.data, factor.data(), offset.data()});
    });
  });
  if (!mask.empty() && !has_whole_bits) relu_mask<T>(cpu, mask, {y.data, y.shape});
}

template <class T>
void batch_norm_backward(Cpu, const BatchNormGradients<T>& d, View<const T> dy, View<const std::uint8_t> mask,
                         View<const T> x, const BatchNormFactors& factors, bool is_training) {
  const View<T> dresidual = d.dresidual;
  const std::int64_t rows = x.rows(), channels = x.cols();
  std::vector<double> sum_g, sum_gx;
  with_flag(!mask.empty(), [&](auto has_relu) {
    with_flag(!dresidual.empty(), [&](auto stores) {
      reduce_columns(sum_g, sum_gx, rows, channels,
                     GradientStep<T, has_relu, stores>{dy.data, x.data, mask.data, dresidual.data, factors.mean.data});
    });
  });
  InputFactors of(channels);
  for (std::int64_t k = 0; k < channels; ++k) {
    const auto i = static_cast<std::size_t>(k);
    d.dbeta[k] = static_cast<float>(sum_g[i]);
    d.dgamma[k] = static_cast<float>(sum_gx[i] * factors.rstd[k]);
    of.set(k, factors, sum_g[i], sum_gx[i], static_cast<double>(rows), is_training);
  }
  if (d.dx.empty()) return;
  const bool is_masked = !dresidual.empty();  // the first pass has already stored g
  const T* const g = is_masked ? dresidual.data : dy.data;
  with_flag(!mask.empty() && !is_masked, [&](auto has_relu) {
    for_rows(rows, channels, InputGradientStep<T, has_relu>{d.dx.data, g, x.data, mask.data, of.a, of.b, of.c});
  });
}

template <class T>
void batch_norm_input_gradient(Cpu, View<T> dx, View<const T> dy, View<const std::uint8_t> mask, View<const T> x,
                               const BatchNormFactors& factors, const BatchNormTotals& totals) {
  const std::int64_t channels = x.cols();
  InputFactors of(channels);
  for (std::int64_t k = 0; k < channels; ++k)
    of.set(k, factors, totals.dbeta[k], static_cast<double>(totals.dgamma[k]) / factors.rstd[k], totals.rows[0], true);
  with_flag(!mask.empty(), [&](auto has_relu) {
    for_rows(x.rows(), channels, InputGradientStep<T, has_relu>{dx.data, dy.data, x.data, mask.data, of.a, of.b, of.c});
  });
}

#define KELVIN_INSTANTIATE(T)                                                                                        \
  template void batch_norm_statistics(Cpu, View<float>, View<float>, View<float>, View<float>, View<const T>, float, \
                                      float);                                                                        \
  template void batch_norm_apply(Cpu, View<T>, View<std::uint8_t>, View<const T>, const BatchNormFactors&,           \
                                 View<const T>, bool);                                                               \
  template void batch_norm_backward(Cpu, const BatchNormGradients<T>&, View<const T>, View<const std::uint8_t>,      \
                                    View<const T>, const BatchNormFactors&, bool);                                   \
  template void batch_norm_input_gradient(Cpu, View<T>, View<const T>, View<const std::uint8_t>, View<const T>,      \
                                          const BatchNormFactors&, const BatchNormTotals&)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(bfloat16);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
