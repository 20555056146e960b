#include "apps/sweep/inference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/sweep/statistics.h"
#include "apps/analysis/student_t.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr double kUpper = 0.975;  // of a two-sided 95 % interval

double mean_of_all(const std::vector<std::vector<double>>& d) {
  double sum = 0;
  for (const std::vector<double>& row : d)
    for (const double v : row) sum += v;
  return sum / static_cast<double>(d.size() * d[0].size());
}

}  // namespace

PairedT paired_t(const std::vector<double>& d) {
  KELVIN_CHECK(d.size() >= 2, "paired_t: ", d.size(), " differences");
  const MeanDeviation m = mean_deviation(d);
  PairedT r;
  r.mean = m.mean;
  r.df = m.n - 1;
  r.error = m.deviation / std::sqrt(m.n);
  // Equal but for rounding: figures are multiples of 1 / images, so with two or three seeds this happens by chance.
  if (r.error <= 1e-9 * std::abs(r.mean)) {
    r.error = 0;
    r.t = r.mean == 0 ? 0 : std::copysign(std::numeric_limits<double>::infinity(), r.mean);
  } else {
    r.t = r.mean / r.error;
    r.p = 2 * student_t_tail(std::abs(r.t), r.df);
  }
  const double half = student_t_quantile(kUpper, r.df) * r.error;
  r.interval = {r.mean - half, r.mean + half};
  return r;
}

double equivalence_p(const PairedT& test, double margin) {
  if (test.error == 0) return 1;
  return std::max(student_t_tail((margin + test.mean) / test.error, test.df),
                  student_t_tail((margin - test.mean) / test.error, test.df));
}

CrossedVariance crossed_variance(const std::vector<std::vector<double>>& d) {
  KELVIN_CHECK(d.size() >= 2 && d[0].size() >= 2, "crossed_variance: fewer than two seeds or images");
  const auto n = static_cast<double>(d.size()), m = static_cast<double>(d[0].size());
  const double mean = mean_of_all(d);
  std::vector<double> seed_effect, image_effect(d[0].size(), 0.0);
  for (const std::vector<double>& row : d) {
    KELVIN_CHECK(row.size() == d[0].size(), "crossed_variance: ", row.size(), " images and ", d[0].size());
    double sum = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      sum += row[i];
      image_effect[i] += (row[i] - mean) / n;
    }
    seed_effect.push_back(sum / m - mean);
  }
  double seeds = 0, images = 0, interaction = 0;
  for (const double a : seed_effect) seeds += a * a;
  for (const double b : image_effect) images += b * b;
  for (std::size_t s = 0; s < d.size(); ++s)
    for (std::size_t i = 0; i < d[s].size(); ++i) {
      const double e = d[s][i] - mean - seed_effect[s] - image_effect[i];
      interaction += e * e;
    }
  return {seeds / (n * (n - 1)), images / (m * (m - 1)), interaction / (n * m * (n - 1) * (m - 1))};
}

Interval crossed_interval(const std::vector<std::vector<double>>& d) {
  const CrossedVariance v = crossed_variance(d);
  const double mean = mean_of_all(d);
  const double seed_quantile = student_t_quantile(kUpper, static_cast<double>(d.size() - 1)),
               image_quantile = student_t_quantile(kUpper, static_cast<double>(d[0].size() - 1));
  const double half =
      std::sqrt(seed_quantile * seed_quantile * v.seeds + image_quantile * image_quantile * v.image_part());
  return {mean - half, mean + half};
}

}  // namespace kelvin
