// The analytic identities of the temperature, in double, and the float32 thresholds at which the loss loses its gradient.
#include "kernels/losses/softmax_cross_entropy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/device/philox.h"
#include "kernels/losses/log_odds_cross_entropy.h"
#include "kernels/losses/margin_loss.h"
#include "kernels/losses/row_log_softmax.h"

namespace kelvin {
namespace {

constexpr std::int64_t kRows = 7, kClasses = 10, kFeatures = 5;

std::vector<double> draw(std::size_t n, const char* stream, double scale) {
  std::vector<double> values(n);
  for (std::size_t i = 0; i < n; ++i)
    values[i] = scale * (2.0 * uniform01(philox({7, random_stream(stream)}, i)[0]) - 1.0);
  return values;
}

template <class T>
View<const T> rows(const std::vector<T>& v, std::int64_t n, std::int64_t m) {
  return {v.data(), {n, m}};
}
template <class T>
View<const T> vec(const std::vector<T>& v) {
  return {v.data(), {static_cast<std::int64_t>(v.size())}};
}

const std::vector<std::int32_t> kLabels = {0, 3, 9, 1, 1, 5, 8};

// dlogits of the loss summed over rows
std::vector<double> gradient(const std::vector<double>& z, double tau) {
  std::vector<double> dz(z.size());
  const std::vector<double> ones(kRows, 1.0), t = {tau};
  softmax_cross_entropy_backward(Cpu{}, View<double>(dz.data(), {kRows, kClasses}), vec(ones), rows(z, kRows, kClasses),
                                 vec(kLabels), vec(t));
  return dz;
}

double loss(const std::vector<double>& z, double tau) {
  std::vector<double> l(kRows);
  const std::vector<double> t = {tau};
  softmax_cross_entropy_forward(Cpu{}, View<double>(l.data(), {kRows}), rows(z, kRows, kClasses), vec(kLabels), vec(t));
  double sum = 0;
  for (const double v : l) sum += v;
  return sum;
}

std::vector<double> probabilities(const std::vector<double>& z, double tau) {
  std::vector<double> p(z.size());
  for (std::int64_t row = 0; row < kRows; ++row) {
    const RowLogSoftmax<double> log_p(z.data() + row * kClasses, kClasses, tau);
    for (std::int64_t j = 0; j < kClasses; ++j) p[static_cast<std::size_t>(row * kClasses + j)] = log_p.probability(j);
  }
  return p;
}

// ∂L/∂w_j = (P_j − 1[j = y]) f(x) / τ, against central differences of the loss over W: double, relative 1e-6.
TEST(TemperatureIdentity, PrototypeGradient) {
  const std::vector<double> f = draw(kRows * kFeatures, "f", 1), w = draw(kClasses * kFeatures, "w", 1);
  const auto logits = [&](const std::vector<double>& weights) {
    std::vector<double> z(kRows * kClasses);
    for (std::int64_t i = 0; i < kRows; ++i)
      for (std::int64_t j = 0; j < kClasses; ++j)
        for (std::int64_t k = 0; k < kFeatures; ++k)
          z[static_cast<std::size_t>(i * kClasses + j)] +=
              f[static_cast<std::size_t>(i * kFeatures + k)] * weights[static_cast<std::size_t>(j * kFeatures + k)];
    return z;
  };
  for (const double tau : {0.1, 1.0, 10.0, 100.0}) {
    const std::vector<double> p = probabilities(logits(w), tau);
    for (std::size_t j = 0; j < kClasses; ++j)
      for (std::size_t k = 0; k < kFeatures; ++k) {
        double expected = 0;
        for (std::size_t i = 0; i < kRows; ++i)
          expected += (p[i * kClasses + j] - (kLabels[i] == static_cast<int>(j) ? 1 : 0)) * f[i * kFeatures + k] / tau;
        std::vector<double> up = w, down = w;
        const double h = 1e-4 * tau;  // the loss varies on the scale of τ
        up[j * kFeatures + k] += h;
        down[j * kFeatures + k] -= h;
        EXPECT_NEAR(expected, (loss(logits(up), tau) - loss(logits(down), tau)) / (2 * h), 1e-6 / tau);
      }
  }
}

TEST(TemperatureIdentity, GradientAtTauIsGradientOfScaledLogitsOverTau) {
  const std::vector<double> z = draw(kRows * kClasses, "z", 5);
  for (const double tau : {0.1, 0.5, 10.0, 70.0}) {
    std::vector<double> scaled = z;
    for (double& v : scaled) v /= tau;
    const std::vector<double> at_tau = gradient(z, tau), at_one = gradient(scaled, 1.0);
    for (std::size_t i = 0; i < z.size(); ++i) EXPECT_NEAR(at_tau[i], at_one[i] / tau, 1e-12 / tau);
    EXPECT_NEAR(loss(z, tau), loss(scaled, 1.0), 1e-12 * loss(z, tau));
  }
}

// p_j = 1/C + (z_j − mean)/(Cτ) + O(τ⁻²): uniform as τ grows, at the rate of the expansion.
TEST(TemperatureIdentity, ProbabilitiesBecomeUniform) {
  const std::vector<double> z = draw(kRows * kClasses, "z", 5);
  for (const double tau : {1e3, 1e4, 1e5}) {
    const std::vector<double> p = probabilities(z, tau);
    for (std::size_t i = 0; i < kRows; ++i) {
      double mean = 0;
      for (std::size_t j = 0; j < kClasses; ++j) mean += z[i * kClasses + j] / kClasses;
      for (std::size_t j = 0; j < kClasses; ++j) {
        const double first_order = 1.0 / kClasses + (z[i * kClasses + j] - mean) / (kClasses * tau);
        EXPECT_NEAR(p[i * kClasses + j], first_order, 30 / (tau * tau));  // |z| ≤ 5: second order is at most C·25/τ²
      }
    }
  }
}

TEST(LogOdds, GradientTimesOneMinusPIsCrossEntropys) {
  const std::vector<double> z = draw(kRows * kClasses, "z", 5), ones(kRows, 1.0);
  for (const double tau : {0.5, 1.0, 20.0}) {
    const std::vector<double> t = {tau}, p = probabilities(z, tau), ce = gradient(z, tau);
    std::vector<double> lo(z.size());
    log_odds_cross_entropy_backward(Cpu{}, View<double>(lo.data(), {kRows, kClasses}), vec(ones),
                                    rows(z, kRows, kClasses), vec(kLabels), vec(t));
    for (std::size_t i = 0; i < kRows; ++i) {
      const double one_minus_p = 1 - p[i * kClasses + static_cast<std::size_t>(kLabels[i])];
      for (std::size_t j = 0; j < kClasses; ++j)
        EXPECT_NEAR(ce[i * kClasses + j], one_minus_p * lo[i * kClasses + j], 1e-12);
    }
  }
}

// As τ → 0 the log-odds loss times τ is the margin loss.
TEST(LogOdds, BecomesTheMarginLoss) {
  const std::vector<double> z = draw(kRows * kClasses, "z", 5), t = {1e-3};
  std::vector<double> lo(kRows), margin(kRows);
  log_odds_cross_entropy_forward(Cpu{}, View<double>(lo.data(), {kRows}), rows(z, kRows, kClasses), vec(kLabels),
                                 vec(t));
  margin_loss_forward(Cpu{}, View<double>(margin.data(), {kRows}), rows(z, kRows, kClasses), vec(kLabels));
  for (std::size_t i = 0; i < kRows; ++i) EXPECT_NEAR(lo[i] * t[0], margin[i], 1e-3 * std::log(kClasses));
}

// One row, label 0, all wrong logits equal, gap g: float32 gradients of cross-entropy at τ = 1. The thresholds are properties
// of float32: 1 − p_y is a multiple of 2⁻²⁴ near 1, exp underflows below 2⁻¹⁴⁹. PyTorch 2.15 on a CPU gives the same values, the
// zero at 17 included (nine terms of 4e-8 are lost one by one when they are added to 1).
struct GapRow {
  float gap, true_class, other;
};
class SaturationTest : public ::testing::TestWithParam<GapRow> {};

TEST_P(SaturationTest, Float32GradientAtGap) {
  const GapRow row = GetParam();
  std::vector<float> z(kClasses, 0.0f), dz(kClasses);
  z[0] = row.gap;
  const std::vector<float> one = {1}, tau = {1};
  const std::vector<std::int32_t> label = {0};
  softmax_cross_entropy_backward(Cpu{}, View<float>(dz.data(), {1, kClasses}), vec(one), rows(z, 1, kClasses),
                                 vec(label), vec(tau));
  if (row.true_class == 0) {
    EXPECT_EQ(dz[0], 0.0f);
  } else {
    EXPECT_NEAR(dz[0], row.true_class, 0.05f * std::abs(row.true_class));  // the table gives two digits
  }
  if (row.other == 0) {
    EXPECT_EQ(dz[1], 0.0f);
  } else {
    EXPECT_NEAR(dz[1], row.other, 0.08f * row.other);
  }
  // The log-odds loss keeps its gradient: −1 on the label, 1 shared by the others.
  log_odds_cross_entropy_backward(Cpu{}, View<float>(dz.data(), {1, kClasses}), vec(one), rows(z, 1, kClasses),
                                  vec(label), vec(tau));
  EXPECT_EQ(dz[0], -1.0f);
  EXPECT_NEAR(dz[1], 1.0f / 9.0f, 1e-6f);
}

INSTANTIATE_TEST_SUITE_P(Gaps, SaturationTest,
                         ::testing::Values(GapRow{5, -5.7e-2f, 6.4e-3f}, GapRow{14, -7.5e-6f, 8.3e-7f},
                                           GapRow{16, -1.07e-6f, 1.13e-7f}, GapRow{17, 0, 4.1e-8f},
                                           GapRow{20, 0, 2.1e-9f}, GapRow{40, 0, 4.2e-18f}, GapRow{87.3f, 0, 1.2e-38f},
                                           GapRow{103, 0, 1.4e-45f}, GapRow{105, 0, 0}));

TEST(SoftmaxCrossEntropy, FiftyThousandClasses) {
  const std::int64_t classes = 50000;
  const std::vector<float> z(static_cast<std::size_t>(classes), 3.0f), tau = {2};
  const std::vector<std::int32_t> label = {49999};
  float loss = 0;
  softmax_cross_entropy_forward(Cpu{}, View<float>(&loss, {1}), rows(z, 1, classes), vec(label), vec(tau));
  EXPECT_NEAR(loss, std::log(50000.0), 1e-3);  // a float32 sum of 50,000 ones is exact; the logarithm has 7 digits
}

TEST(MarginLoss, FirstOfEqualLeadersWins) {
  const std::vector<float> z = {1, 5, 5, 2}, one = {1};
  const std::vector<std::int32_t> label = {0};
  std::vector<float> dz(4);
  margin_loss_backward(Cpu{}, View<float>(dz.data(), {1, 4}), vec(one), rows(z, 1, 4), vec(label));
  EXPECT_EQ(dz, (std::vector<float>{-1, 1, 0, 0}));
}

}  // namespace
}  // namespace kelvin
