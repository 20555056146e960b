#include "apps/evaluation/calibration.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr double kSmallestTau = 1e-4, kLargestTau = 1e6;

std::span<const float> logits_of(const Predictions& p, std::size_t i) {
  const auto classes = static_cast<std::size_t>(p.classes);
  return std::span<const float>(p.logits).subspan(i * classes, classes);
}

// softmax(z/T) into `out`; returns log Σ exp((z − max z)/T).
double softmax(std::span<const float> z, double tau, std::vector<double>& out) {
  const double largest = *std::max_element(z.begin(), z.end());
  double sum = 0;
  out.resize(z.size());
  for (std::size_t j = 0; j < z.size(); ++j) sum += out[j] = std::exp((z[j] - largest) / tau);
  for (double& p : out) p /= sum;
  return std::log(sum);
}

void close_bins(std::vector<ReliabilityBin>& bins) {
  for (ReliabilityBin& b : bins)
    if (b.count > 0) b.confidence /= static_cast<double>(b.count), b.accuracy /= static_cast<double>(b.count);
}

double expected_gap(const std::vector<ReliabilityBin>& bins, double n) {
  double sum = 0;
  for (const ReliabilityBin& b : bins) sum += static_cast<double>(b.count) / n * std::abs(b.accuracy - b.confidence);
  return sum;
}

void add(ReliabilityBin& bin, double confidence, bool is_correct) {
  ++bin.count;
  bin.confidence += confidence;
  bin.accuracy += is_correct ? 1 : 0;
}

// The derivative of the NLL with respect to β = 1/T, and its own derivative, the mean variance of the logits under p.
struct Slope {
  double first = 0, second = 0;
};
Slope slope_at(const Predictions& p, double tau) {
  Slope s;
  std::vector<double> probabilities;
  for (std::size_t i = 0; i < static_cast<std::size_t>(p.count); ++i) {
    const auto z = logits_of(p, i);
    (void)softmax(z, tau, probabilities);
    double mean = 0, variance = 0;
    for (std::size_t j = 0; j < z.size(); ++j) mean += probabilities[j] * z[j];
    for (std::size_t j = 0; j < z.size(); ++j) variance += probabilities[j] * (z[j] - mean) * (z[j] - mean);
    s.first += mean - z[static_cast<std::size_t>(p.labels[i])];
    s.second += variance;
  }
  s.first /= static_cast<double>(p.count);
  s.second /= static_cast<double>(p.count);
  return s;
}

// Every second image, from `first`.
Predictions half_of(const Predictions& p, std::int64_t first) {
  Predictions half{0, p.classes, {}, {}};
  for (std::int64_t i = first; i < p.count; i += 2, ++half.count) {
    const auto z = logits_of(p, static_cast<std::size_t>(i));
    half.logits.insert(half.logits.end(), z.begin(), z.end());
    half.labels.push_back(p.labels[static_cast<std::size_t>(i)]);
  }
  return half;
}

}  // namespace

Calibration calibrate(const Predictions& p, double tau, int n_bins) {
  if (p.count < 1) throw mistake("calibration needs at least one image");
  Calibration c;
  c.tau = tau;
  const auto n = static_cast<std::size_t>(p.count);
  const auto count = static_cast<double>(n);
  std::vector<double> confidences(n), probabilities;
  std::vector<bool> is_correct(n);
  for (int m = 0; m < n_bins; ++m)
    c.bins.push_back({.low = static_cast<double>(m) / n_bins, .high = static_cast<double>(m + 1) / n_bins});
  for (std::size_t i = 0; i < n; ++i) {
    const auto z = logits_of(p, i);
    const auto label = static_cast<std::size_t>(p.labels[i]);
    const auto prediction = static_cast<std::size_t>(std::max_element(z.begin(), z.end()) - z.begin());
    c.nll += (softmax(z, tau, probabilities) - (static_cast<double>(z[label]) - z[prediction]) / tau) / count;
    for (std::size_t j = 0; j < z.size(); ++j) c.brier += std::pow(probabilities[j] - (j == label ? 1 : 0), 2) / count;
    confidences[i] = probabilities[prediction];
    is_correct[i] = prediction == label;
    c.accuracy += is_correct[i] ? 1 : 0;
    const int bin = std::clamp(static_cast<int>(std::ceil(confidences[i] * n_bins)) - 1, 0, n_bins - 1);
    add(c.bins[static_cast<std::size_t>(bin)], confidences[i], is_correct[i]);
  }
  c.accuracy /= count;
  close_bins(c.bins);
  c.ece = expected_gap(c.bins, count);
  for (const ReliabilityBin& b : c.bins)
    if (b.count > 0) c.mce = std::max(c.mce, std::abs(b.accuracy - b.confidence));

  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return confidences[a] < confidences[b]; });
  const std::size_t bins = std::min(static_cast<std::size_t>(n_bins), n);
  for (std::size_t m = 0; m < bins; ++m) {
    const std::size_t begin = m * n / bins, end = (m + 1) * n / bins;
    ReliabilityBin bin{.low = confidences[order[begin]], .high = confidences[order[end - 1]]};
    for (std::size_t k = begin; k < end; ++k) add(bin, confidences[order[k]], is_correct[order[k]]);
    c.adaptive_bins.push_back(bin);
  }
  close_bins(c.adaptive_bins);
  c.adaptive_ece = expected_gap(c.adaptive_bins, count);
  return c;
}

FittedTemperature fit_temperature(const Predictions& p) {
  constexpr double kPrecision = 1e-10;                // of log T
  constexpr int kNewtonSteps = 50, kMostSteps = 200;  // after these the interval is always halved
  if (p.count < 1) throw mistake("fitting a temperature needs at least one image");
  FittedTemperature fit;
  fit.n = p.count;
  // In log T: the slope in β is positive at `low` (T too small: over-confident) and negative at `high`.
  double low = std::log(kSmallestTau), high = std::log(kLargestTau);
  if (slope_at(p, kSmallestTau).first <= 0) {
    fit.tau = kSmallestTau;
    fit.is_bound = true;
  } else if (slope_at(p, kLargestTau).first >= 0) {
    fit.tau = kLargestTau;
    fit.is_bound = true;
  } else {
    double at = (low + high) / 2;
    for (int step = 0; step < kMostSteps && high - low > kPrecision; ++step) {
      const Slope s = slope_at(p, std::exp(at));
      (s.first > 0 ? low : high) = at;
      if (s.first == 0) break;
      const double beta = std::exp(-at), newton = s.second > 0 ? beta - s.first / s.second : 0;
      const double next = newton > 0 ? -std::log(newton) : at;
      if (step < kNewtonSteps && next > low && next < high) {
        if (std::abs(next - at) < kPrecision) {
          at = next;
          break;
        }
        at = next;
      } else {
        at = (low + high) / 2;
      }
    }
    fit.tau = std::exp(at);
  }
  fit.nll = calibrate(p, fit.tau).nll;
  return fit;
}

CrossFit cross_fit(const Predictions& p) {
  if (p.count < 2) throw mistake("cross-fitting a temperature needs at least two images");
  CrossFit out{fit_temperature(half_of(p, 0)), fit_temperature(half_of(p, 1)), {}};
  Predictions scaled = p;
  for (std::size_t i = 0; i < scaled.logits.size(); ++i) {
    const bool is_even = i / static_cast<std::size_t>(p.classes) % 2 == 0;
    scaled.logits[i] = static_cast<float>(scaled.logits[i] / (is_even ? out.on_odd : out.on_even).tau);
  }
  out.calibration = calibrate(scaled, 1);
  out.calibration.tau = std::sqrt(out.on_even.tau * out.on_odd.tau);
  return out;
}

nlohmann::json to_json(const Calibration& c, const std::string& role) {
  const auto bins_of = [](const std::vector<ReliabilityBin>& bins) {
    nlohmann::json list = nlohmann::json::array();
    for (const ReliabilityBin& b : bins)
      list.push_back({{"low", b.low},
                      {"high", b.high},
                      {"count", b.count},
                      {"confidence", b.confidence},
                      {"accuracy", b.accuracy}});
    return list;
  };
  return {{"role", role},
          {"tau", c.tau},
          {"accuracy", c.accuracy},
          {"nll", c.nll},
          {"ece", c.ece},
          {"adaptive_ece", c.adaptive_ece},
          {"mce", c.mce},
          {"brier", c.brier},
          {"bins", bins_of(c.bins)},
          {"adaptive_bins", bins_of(c.adaptive_bins)}};
}

nlohmann::json calibrations_of(const Predictions& p, double train_tau) {
  nlohmann::json list = {to_json(calibrate(p, 1), "1")};
  if (train_tau != 1) list.push_back(to_json(calibrate(p, train_tau), "training"));
  return list;
}

}  // namespace kelvin
