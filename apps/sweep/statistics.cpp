#include "apps/sweep/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kelvin {

MeanDeviation mean_deviation(const std::vector<double>& values) {
  MeanDeviation m;
  m.n = static_cast<int>(values.size());
  m.mean = values.empty() ? std::numeric_limits<double>::quiet_NaN()
                          : std::accumulate(values.begin(), values.end(), 0.0) / m.n;
  double squares = 0;
  for (const double v : values) squares += (v - m.mean) * (v - m.mean);
  m.deviation = m.n > 1 ? std::sqrt(squares / (m.n - 1)) : std::numeric_limits<double>::quiet_NaN();
  return m;
}

double mcnemar_mid_p(std::int64_t b, std::int64_t c) {
  if (b == c) return 1;
  const auto n = static_cast<double>(b + c);
  const std::int64_t smaller = std::min(b, c);
  // log of the binomial point probability: n may be in the thousands, where 2^-n underflows
  const auto point = [&](std::int64_t k) {
    const auto x = static_cast<double>(k);
    return std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) - n * std::log(2.0));
  };
  double below = 0;
  for (std::int64_t k = 0; k < smaller; ++k) below += point(k);
  return std::min(1.0, 2 * below + point(smaller));
}

double clustered_mcnemar_p(std::span<const double> d) {
  double sum = 0, squares = 0;
  for (const double v : d) {
    sum += v;
    squares += v * v;
  }
  if (squares == 0) return 1;
  // the upper tail of χ² with one degree of freedom: P(|Z| > x) = erfc(x / √2)
  return std::erfc(std::abs(sum) / std::sqrt(2 * squares));
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return p[i] < p[j]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(p.size() - rank) * p[order[rank]]));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

}  // namespace kelvin
