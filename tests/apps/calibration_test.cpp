// Calibration: NumPy's and SciPy's figures for the same logits (tools/golden/analysis.py), and sets small enough to work out.
#include "apps/evaluation/calibration.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/apps/analysis_golden.h"

namespace kelvin {
namespace {

using testing::analysis_reference;

Predictions golden() {
  const auto labels = testing::ints_of("labels");
  return {static_cast<std::int64_t>(labels.size()), 6, testing::floats_of("logits"), labels};
}

TEST(Calibration, EqualsNumPy) {
  for (const auto& expected : analysis_reference().at("calibration")) {
    const Calibration c = calibrate(golden(), expected.at("tau"));
    const std::vector<std::pair<double, const char*>> figures = {
        {c.nll, "nll"}, {c.ece, "ece"}, {c.mce, "mce"}, {c.adaptive_ece, "adaptive_ece"}, {c.brier, "brier"}};
    for (const auto& [got, name] : figures)
      EXPECT_NEAR(got, expected.at(name), 1e-12) << name << " at " << c.tau;  // double on both sides
  }
}

TEST(Calibration, FitsTheTemperatureThatSciPyFinds) {
  const FittedTemperature fit = fit_temperature(golden());
  EXPECT_FALSE(fit.is_bound);
  // SciPy stops where the NLL, flat at its minimum, no longer changes in double: half the digits of T.
  EXPECT_NEAR(fit.tau, analysis_reference().at("fitted_tau"), 1e-6);
  EXPECT_LT(fit.nll, calibrate(golden(), fit.tau * 1.01).nll);
  EXPECT_LT(fit.nll, calibrate(golden(), fit.tau / 1.01).nll);
}

// Logits times s: T* times s, and the same calibration there.
TEST(Calibration, FittedTemperatureFollowsTheScaleOfTheLogits) {
  const FittedTemperature fit = fit_temperature(golden());
  for (const float s : {0.03125f, 64.0f}) {  // powers of two: exact
    Predictions scaled = golden();
    for (float& z : scaled.logits) z *= s;
    EXPECT_NEAR(fit_temperature(scaled).tau / (static_cast<double>(s) * fit.tau), 1, 1e-8);
  }
}

// Two classes, logit gap 2: confidence σ(2). Three right, one wrong: the best T makes the confidence 3/4.
TEST(Calibration, ByHand) {
  const Predictions p{4, 2, {2, 0, 2, 0, 2, 0, 2, 0}, {0, 0, 0, 1}};
  const double confidence = 1 / (1 + std::exp(-2.0));
  const Calibration c = calibrate(p, 1);
  EXPECT_EQ(c.accuracy, 0.75);
  EXPECT_NEAR(c.ece, confidence - 0.75, 1e-12);
  EXPECT_NEAR(c.mce, confidence - 0.75, 1e-12);
  EXPECT_NEAR(c.brier, 2 * (3 * std::pow(1 - confidence, 2) + std::pow(confidence, 2)) / 4, 1e-12);
  EXPECT_EQ(c.bins[13].count, 4);  // 0.881 lies in (13/15, 14/15]
  EXPECT_NEAR(fit_temperature(p).tau, 2 / std::log(3.0), 1e-8);
  EXPECT_EQ(c.adaptive_bins.size(), 4u);  // no more bins than images
}

TEST(Calibration, SaysWhenNoTemperatureIsBest) {
  EXPECT_TRUE(fit_temperature({1, 2, {1, 0}, {0}}).is_bound);
  EXPECT_LT(fit_temperature({1, 2, {1, 0}, {0}}).tau, 1e-3);
  EXPECT_GT(fit_temperature({1, 2, {1, 0}, {1}}).tau, 1e5);
}

// Three of four even images are right, two of four odd ones. Each fold gets the other's temperature, so an image's own label does not affect
// its figures.
TEST(Calibration, FoldsCalibrateEachOther) {
  Predictions p{8, 2, {}, {}};
  for (int i = 0; i < 8; ++i) {
    p.logits.insert(p.logits.end(), {3, 0});
    p.labels.push_back(i == 0 || i % 4 == 1 ? 1 : 0);
  }
  const CrossFit fit = cross_fit(p);
  EXPECT_NEAR(fit.on_even.tau, 3 / std::log(3.0), 1e-7);
  EXPECT_GT(fit.on_odd.tau, 1e5);  // the flatter the better
  double nll = 0;
  for (int i = 0; i < 8; ++i) {
    const double gap = 3 / (i % 2 == 0 ? fit.on_odd.tau : fit.on_even.tau);
    nll += std::log(1 + std::exp(p.labels[static_cast<std::size_t>(i)] == 0 ? -gap : gap)) / 8;
  }
  EXPECT_NEAR(fit.calibration.nll, nll, 1e-6);  // scaled logits are float32
}

}  // namespace
}  // namespace kelvin
