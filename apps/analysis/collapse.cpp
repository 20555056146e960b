#include "apps/analysis/collapse.h"

#include <algorithm>
#include <cmath>

#include "apps/analysis/symmetric_eigen.h"
#include "kernels/device/threads.h"

namespace kelvin {
namespace {

constexpr std::size_t kKeptShares = 64;
// Eigenvalues of Σ_B below this share of the largest count as zero. The centred class means sum to zero, so one eigenvalue is only rounding.
constexpr double kNoVariance = 1e-10;

using Matrix = std::vector<double>;  // row-major

double sum_of_products(const double* a, const double* b, std::size_t n) {
  double sum = 0;
  for (std::size_t k = 0; k < n; ++k) sum += a[k] * b[k];
  return sum;
}

// Class means, numbered by the classes that have images.
struct ClassMeans {
  std::vector<std::int32_t> classes;  // label of each
  std::vector<std::int32_t> row_of;   // by label; −1: no image
  Matrix means;                       // [C, d]: μ_c
  Matrix centred;                     // [C, d]: m_c
};

ClassMeans class_means(std::span<const float> features, std::span<const std::int32_t> labels, std::size_t n_labels,
                       std::size_t d) {
  std::vector<double> counts(n_labels, 0);
  for (const std::int32_t y : labels) ++counts[static_cast<std::size_t>(y)];
  ClassMeans m;
  m.row_of.assign(n_labels, -1);
  for (std::size_t c = 0; c < n_labels; ++c)
    if (counts[c] > 0) {
      m.row_of[c] = static_cast<std::int32_t>(m.classes.size());
      m.classes.push_back(static_cast<std::int32_t>(c));
    }
  m.means.assign(m.classes.size() * d, 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i]);
    double* const mean = m.means.data() + static_cast<std::size_t>(m.row_of[label]) * d;
    for (std::size_t k = 0; k < d; ++k) mean[k] += static_cast<double>(features[i * d + k]) / counts[label];
  }
  m.centred = m.means;
  for (std::size_t k = 0; k < d; ++k) {
    double sum = 0;
    for (std::size_t c = 0; c < m.classes.size(); ++c) sum += m.means[c * d + k];
    for (std::size_t c = 0; c < m.classes.size(); ++c)
      m.centred[c * d + k] -= sum / static_cast<double>(m.classes.size());
  }
  return m;
}

// Σ_B = MᵀM/C shares its eigenvalues λ with MMᵀ/C; its unit eigenvector is Mᵀu/√(Cλ). So tr(Σ_W Σ_B⁺) = Σ_k v_kᵀ Σ_W v_k / λ_k.
double within_between(std::span<const float> features, std::span<const std::int32_t> labels, const ClassMeans& m,
                      std::size_t d) {
  const std::size_t classes = m.classes.size();
  const auto c = static_cast<double>(classes);
  Matrix gram(classes * classes);
  for (std::size_t a = 0; a < classes; ++a)
    for (std::size_t b = 0; b < classes; ++b)
      gram[a * classes + b] = sum_of_products(&m.centred[a * d], &m.centred[b * d], d) / c;
  const SymmetricEigen eigen = symmetric_eigen(gram, classes, true);
  double trace = 0;
  std::vector<double> v(d);
  for (std::size_t k = 0; k < classes && eigen.values[k] > kNoVariance * eigen.values[0]; ++k) {
    std::fill(v.begin(), v.end(), 0);
    for (std::size_t a = 0; a < classes; ++a)
      for (std::size_t j = 0; j < d; ++j)
        v[j] += eigen.vectors[k * classes + a] * m.centred[a * d + j] / std::sqrt(c * eigen.values[k]);
    double scatter = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const double* const mean = &m.means[static_cast<std::size_t>(m.row_of[static_cast<std::size_t>(labels[i])]) * d];
      double along = 0;
      for (std::size_t j = 0; j < d; ++j) along += (static_cast<double>(features[i * d + j]) - mean[j]) * v[j];
      scatter += along * along;
    }
    trace += scatter / static_cast<double>(labels.size()) / eigen.values[k];
  }
  return trace / c;
}

double alignment(const ClassMeans& m, std::span<const float> prototypes, std::size_t d) {
  double ww = 0, mm = sum_of_products(m.centred.data(), m.centred.data(), m.centred.size()), wm = 0;
  for (std::size_t c = 0; c < m.classes.size(); ++c)
    for (std::size_t k = 0; k < d; ++k) {
      const double w = prototypes[static_cast<std::size_t>(m.classes[c]) * d + k];
      ww += w * w;
      wm += w * m.centred[c * d + k];
    }
  return ww > 0 ? std::sqrt(std::max(0.0, 2 - 2 * wm / std::sqrt(ww * mm))) : std::sqrt(2.0);
}

double agreement(std::span<const float> features, std::span<const std::int32_t> predictions, const ClassMeans& m,
                 std::size_t d) {
  double agree = 0;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    std::size_t nearest = 0;
    double least = 0;
    for (std::size_t c = 0; c < m.classes.size(); ++c) {
      double distance = 0;
      for (std::size_t k = 0; k < d; ++k) {
        const double difference = static_cast<double>(features[i * d + k]) - m.means[c * d + k];
        distance += difference * difference;
      }
      if (c == 0 || distance < least) least = distance, nearest = c;
    }
    agree += m.classes[nearest] == predictions[i] ? 1 : 0;
  }
  return agree / static_cast<double>(predictions.size());
}

}  // namespace

std::optional<Collapse> measure_collapse(std::span<const float> features, std::span<const std::int32_t> labels,
                                         std::span<const std::int32_t> predictions, std::span<const float> prototypes,
                                         std::size_t d) {
  const ClassMeans m = class_means(features, labels, prototypes.size() / d, d);
  const std::size_t classes = m.classes.size();
  std::vector<double> norms;
  for (std::size_t c = 0; c < classes; ++c)
    norms.push_back(std::sqrt(sum_of_products(&m.centred[c * d], &m.centred[c * d], d)));
  if (classes < 2 || *std::min_element(norms.begin(), norms.end()) == 0) return std::nullopt;

  Collapse out;
  out.classes = static_cast<std::int64_t>(classes);
  const auto count = static_cast<double>(classes);
  double mean = 0, variance = 0, deviation = 0;
  for (const double norm : norms) mean += norm / count;
  for (const double norm : norms) variance += (norm - mean) * (norm - mean) / count;
  out.class_mean_norm_spread = std::sqrt(variance) / mean;
  for (std::size_t a = 0; a < classes; ++a)
    for (std::size_t b = 0; b < a; ++b)
      deviation +=
          std::abs(sum_of_products(&m.centred[a * d], &m.centred[b * d], d) / (norms[a] * norms[b]) + 1 / (count - 1));
  out.class_mean_cosine_deviation = deviation / (count * (count - 1) / 2);
  out.within_between = within_between(features, labels, m, d);
  out.class_mean_alignment = alignment(m, prototypes, d);
  out.nearest_centre_agreement = agreement(features, predictions, m, d);
  return out;
}

FeatureRank measure_feature_rank(std::span<const float> features, std::size_t d) {
  const std::size_t n = features.size() / d;
  std::vector<double> mean(d, 0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < d; ++k) mean[k] += static_cast<double>(features[i * d + k]) / static_cast<double>(n);
  // The Gram matrix is that of the n images or that of the d features, whichever is smaller.
  const bool by_feature = d <= n;
  const std::size_t rows = by_feature ? d : n, columns = by_feature ? n : d;
  Matrix x(rows * columns), gram(rows * rows, 0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < d; ++k)
      x[by_feature ? k * n + i : i * d + k] = static_cast<double>(features[i * d + k]) - mean[k];
#pragma omp parallel for schedule(dynamic) num_threads(usable_threads())
  for (std::ptrdiff_t a = 0; a < static_cast<std::ptrdiff_t>(rows); ++a)
    for (std::size_t b = 0; b <= static_cast<std::size_t>(a); ++b)
      gram[static_cast<std::size_t>(a) * rows + b] =
          sum_of_products(&x[static_cast<std::size_t>(a) * columns], &x[b * columns], columns);

  std::vector<double> squares = symmetric_eigen(gram, rows).values;
  for (double& v : squares) v = std::max(v, 0.0);
  FeatureRank r;
  r.dimension = static_cast<std::int64_t>(d);
  const double largest = std::sqrt(squares.front());
  if (largest == 0) return r;
  const double threshold = largest * static_cast<double>(std::max(n, d)) * 0x1p-23;
  double total = 0, sum = 0, entropy = 0;
  for (const double v : squares) total += v, sum += std::sqrt(v);
  for (const double v : squares) {
    const double sigma = std::sqrt(v);
    r.numerical += sigma > threshold ? 1 : 0;
    r.one_percent += sigma > largest / 100 ? 1 : 0;
    if (sigma > 0) entropy -= sigma / sum * std::log(sigma / sum);
    if (r.variance_shares.size() < kKeptShares) r.variance_shares.push_back(v / total);
  }
  r.effective = std::exp(entropy);
  r.stable = total / squares.front();
  return r;
}

}  // namespace kelvin
