// FAB's projection: on the plane, inside the box, and no other move as small.
#include "apps/attacks/hyperplane.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/device/philox.h"

namespace kelvin {
namespace {

constexpr std::size_t kSize = 33;

struct Case {
  std::vector<float> t = std::vector<float>(kSize), w = std::vector<float>(kSize);
  double b = 0, at = 0;
};

// A point of the box, a plane that some move within the box reaches, and one weight of exactly 0.
Case make_case(std::uint64_t trial) {
  const RandomKey key{7, random_stream("hyperplane_test")};
  Case c;
  double up = 0, down = 0;  // how far w·t can rise and fall
  for (std::size_t i = 0; i < kSize; ++i) {
    const auto bits = philox(key, trial * kSize + i);
    c.t[i] = uniform01(bits[0]);
    c.w[i] = i == 5 ? 0.0f : 2 * uniform01(bits[1]) - 1;
    const double w = c.w[i], t = c.t[i];
    c.at += w * t;
    up += w > 0 ? w * (1 - t) : -w * t;
    down += w > 0 ? w * t : -w * (1 - t);
  }
  const double share = 1.8 * static_cast<double>(uniform01(philox(key, 99999 + trial)[0])) - 0.9;
  c.b = c.at + (share > 0 ? share * up : share * down);
  return c;
}

class Hyperplane : public ::testing::TestWithParam<Norm> {};

TEST_P(Hyperplane, MovesOntoThePlaneInsideTheBox) {
  for (std::uint64_t trial = 0; trial < 50; ++trial) {
    const Case c = make_case(trial);
    std::vector<float> d(kSize);
    project_onto_hyperplane(GetParam(), d, c.t, c.w, c.b);
    double reached = 0;
    for (std::size_t i = 0; i < kSize; ++i) {
      const double u = static_cast<double>(c.t[i]) + static_cast<double>(d[i]);
      EXPECT_TRUE(u >= -1e-6 && u <= 1 + 1e-6);
      reached += static_cast<double>(c.w[i]) * u;
    }
    EXPECT_NEAR(reached, c.b, 1e-5);  // 33 float32 moves
    EXPECT_EQ(d[5], 0.0f);
  }
}

// No smaller bound on the moves could reach the plane.
TEST(HyperplaneLinf, IsTheSmallestMove) {
  for (std::uint64_t trial = 0; trial < 50; ++trial) {
    const Case c = make_case(trial);
    std::vector<float> d(kSize);
    project_onto_hyperplane(Norm::linf, d, c.t, c.w, c.b);
    double bound = 0, reachable = 0;
    for (const float v : d) bound = std::max(bound, std::abs(static_cast<double>(v)));
    for (std::size_t i = 0; i < kSize; ++i) {
      const double w = c.w[i], t = c.t[i];
      reachable += std::abs(w) * std::min(0.999 * bound, (w > 0) == (c.b > c.at) ? 1 - t : t);
    }
    EXPECT_LT(reachable, std::abs(c.b - c.at));
  }
}

// The conditions of Karush, Kuhn and Tucker, which for a convex problem hold at the minimum and nowhere else: coordinates inside the
// box have moved in proportion to their weight, and those at a bound would have moved further.
TEST(HyperplaneL2, IsTheSmallestMove) {
  for (std::uint64_t trial = 0; trial < 50; ++trial) {
    const Case c = make_case(trial);
    std::vector<float> d(kSize);
    project_onto_hyperplane(Norm::l2, d, c.t, c.w, c.b);
    double lambda = 0;
    for (std::size_t i = 0; i < kSize; ++i)
      if (c.w[i] != 0) lambda = std::max(lambda, std::abs(static_cast<double>(d[i]) / static_cast<double>(c.w[i])));
    const double direction = c.b > c.at ? 1 : -1;
    for (std::size_t i = 0; i < kSize; ++i) {
      const double wanted = direction * lambda * static_cast<double>(c.w[i]);
      const double u = static_cast<double>(c.t[i]) + static_cast<double>(d[i]);
      const bool is_at_bound = u < 1e-6 || u > 1 - 1e-6;
      if (is_at_bound) {
        EXPECT_LE(std::abs(static_cast<double>(d[i])), std::abs(wanted) + 1e-6);
      } else {
        EXPECT_NEAR(static_cast<double>(d[i]), wanted, 1e-5 * std::max(1.0, lambda));
      }
    }
  }
}

// A plane out of reach sends every coordinate to its bound.
TEST_P(Hyperplane, OutOfReachGoesAsFarAsTheBox) {
  const std::vector<float> t = {0.25f, 0.5f, 0.75f}, w = {1.0f, -2.0f, 0.0f};
  std::vector<float> d(3);
  project_onto_hyperplane(GetParam(), d, t, w, 100);
  EXPECT_EQ(d, (std::vector<float>{0.75f, -0.5f, 0.0f}));
}

INSTANTIATE_TEST_SUITE_P(Norms, Hyperplane, ::testing::Values(Norm::linf, Norm::l2),
                         [](const auto& param) { return param.param == Norm::linf ? "linf" : "l2"; });

TEST(HyperplaneNorms, AreDual) {
  const std::vector<float> w = {3, -4};
  EXPECT_EQ(dual_norm(Norm::linf, w), 7);
  EXPECT_EQ(dual_norm(Norm::l2, w), 5);
}

}  // namespace
}  // namespace kelvin
