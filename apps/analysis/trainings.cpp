#include "apps/analysis/trainings.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "apps/analysis/student_t.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr std::size_t kMostCounted = 8;  // 8! orders

struct Moments {
  double mean = 0, error = 0, df = 0;  // error: squared standard error of the mean
};

Moments moments_of(const std::vector<double>& v) {
  const auto n = static_cast<double>(v.size());
  Moments m{std::accumulate(v.begin(), v.end(), 0.0) / n, 0, n - 1};
  for (const double x : v) m.error += (x - m.mean) * (x - m.mean) / (n - 1) / n;
  return m;
}

int sign(double v) { return (v > 0 ? 1 : 0) - (v < 0 ? 1 : 0); }

// Concordant less discordant pairs.
int kendall_s(const std::vector<double>& x, const std::vector<double>& y) {
  int s = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) s += sign(x[i] - x[j]) * sign(y[i] - y[j]);
  return s;
}

double share_of_orders(const std::vector<double>& x, std::vector<double> y, int s) {
  std::vector<std::size_t> order(y.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<double> other(y.size());
  double all = 0, as_strong = 0;
  do {
    for (std::size_t i = 0; i < y.size(); ++i) other[i] = y[order[i]];
    all += 1;
    as_strong += std::abs(kendall_s(x, other)) >= std::abs(s) ? 1 : 0;
  } while (std::next_permutation(order.begin(), order.end()));
  return as_strong / all;
}

// Σ over groups of t equal numbers of t (t − 1), of that times (t − 2), and of t (t − 1) (2t + 5).
struct Ties {
  double pairs = 0, triples = 0, variance = 0;
};
Ties ties_of(const std::vector<double>& v) {
  std::map<double, double> groups;
  for (const double x : v) ++groups[x];
  Ties ties;
  for (const auto& [value, t] : groups) {
    ties.pairs += t * (t - 1);
    ties.triples += t * (t - 1) * (t - 2);
    ties.variance += t * (t - 1) * (2 * t + 5);
  }
  return ties;
}

double normal_p(const std::vector<double>& x, const std::vector<double>& y, int s) {
  const auto n = static_cast<double>(x.size());
  const Ties a = ties_of(x), b = ties_of(y);
  const double pairs = n * (n - 1);
  const double variance = (pairs * (2 * n + 5) - a.variance - b.variance) / 18 + a.pairs * b.pairs / (2 * pairs) +
                          a.triples * b.triples / (9 * pairs * (n - 2));
  return variance > 0 ? std::erfc(std::abs(s) / std::sqrt(2 * variance)) : 1;
}

}  // namespace

MeanDifference welch_interval(const std::vector<double>& a, const std::vector<double>& b) {
  KELVIN_CHECK(a.size() >= 2 && b.size() >= 2, "welch_interval: ", a.size(), " and ", b.size(), " figures");
  const Moments ma = moments_of(a), mb = moments_of(b);
  const double size = ma.mean - mb.mean, error = ma.error + mb.error;
  if (error == 0) return {size, size, size};
  const double df = error * error / (ma.error * ma.error / ma.df + mb.error * mb.error / mb.df);
  const double half = student_t_quantile(0.975, df) * std::sqrt(error);
  return {size, size - half, size + half};
}

Trend trend_of(const std::vector<double>& x, const std::vector<double>& y) {
  KELVIN_CHECK(x.size() == y.size(), "trend_of: ", x.size(), " and ", y.size(), " numbers");
  if (x.size() < 2) return {};
  const int s = kendall_s(x, y);
  const auto n = static_cast<double>(x.size());
  return {.tau_a = s / (n * (n - 1) / 2), .p = x.size() <= kMostCounted ? share_of_orders(x, y, s) : normal_p(x, y, s)};
}

}  // namespace kelvin
