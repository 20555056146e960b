// FOSC at its two ends, and the step of adversarial weight perturbation: its length, its direction, and its reversal.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/attacks/stationarity.h"
#include "kernels/attacks/weight_perturbation.h"

namespace kelvin {
namespace {

TEST(Stationarity, ZeroInTheCornerThatTheGradientPointsTo) {
  // ε is a power of two, so that x − x0 is exact.
  const float eps = 0.125f;
  const std::vector<float> x0 = {0.5f, 0.5f, 0.5f, 0.5f}, g = {1, -2, 3, -4};
  std::vector<float> corner(4);
  for (std::size_t i = 0; i < 4; ++i) corner[i] = x0[i] + (g[i] > 0 ? eps : -eps);
  const std::vector<float> zeros(4, 0.0f);
  const auto at = [&](const std::vector<float>& x, const std::vector<float>& gradient) {
    float fosc = -1, is_zero = -1;
    stationarity(Cpu{}, {&fosc, {1}}, {&is_zero, {1}}, {x.data(), {1, 2, 2, 1}}, {x0.data(), {1, 2, 2, 1}},
                 {gradient.data(), {1, 2, 2, 1}}, eps);
    return std::pair(fosc, is_zero);
  };
  EXPECT_EQ(at(corner, g), std::pair(0.0f, 0.0f));
  EXPECT_EQ(at(x0, g), std::pair(eps * 10, 0.0f));  // ε‖g‖₁: nothing gained yet
  EXPECT_EQ(at(x0, zeros), std::pair(0.0f, 1.0f)) << "a zero gradient looks converged: hence the second number";
  EXPECT_EQ(at(x0, {0, 0, 0, 1e-44f}).second, 0.0f) << "a denormal is no zero";
}

double norm(const std::vector<float>& v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x) * x;
  return std::sqrt(sum);
}

TEST(WeightPerturbation, AsLongAsGammaTimesTheTensorWhateverTheGradientsScale) {
  std::vector<float> w(1000), g(1000), undo(1000);
  for (std::size_t i = 0; i < w.size(); ++i) {
    w[i] = std::sin(static_cast<float>(i));
    g[i] = std::cos(3 * static_cast<float>(i));
  }
  for (const float scale : {1e-12f, 1.0f, 1e9f}) {
    std::vector<float> moved = w, gradient = g;
    for (float& v : gradient) v *= scale;
    perturb_weights(Cpu{}, {moved.data(), {1000}}, {undo.data(), {1000}}, {gradient.data(), {1000}}, 0.01f);
    EXPECT_NEAR(norm(undo) / norm(w), 0.01, 1e-8);
    double product = 0;
    for (std::size_t i = 0; i < w.size(); ++i) product += -static_cast<double>(undo[i]) * gradient[i];
    EXPECT_NEAR(product / norm(undo) / norm(gradient), 1, 1e-6) << "along the gradient, uphill";
    for (std::size_t i = 0; i < w.size(); ++i) ASSERT_NEAR(moved[i] + undo[i], w[i], 1e-7);
  }
}

TEST(WeightPerturbation, AZeroGradientMovesNothing) {
  std::vector<float> w = {1, -2}, g = {0, 0}, undo = {7, 7};
  perturb_weights(Cpu{}, {w.data(), {2}}, {undo.data(), {2}}, {g.data(), {2}}, 0.01f);
  EXPECT_EQ(w, (std::vector<float>{1, -2}));
  EXPECT_EQ(undo, (std::vector<float>{0, 0}));
}

}  // namespace
}  // namespace kelvin
