// The Square attack's patterns: what the windows change, and what they leave.
#include "apps/attacks/square_patterns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace kelvin {
namespace {

constexpr std::int64_t kHeight = 12, kWidth = 11, kChannels = 3;
constexpr float kEps = 0.25f;

struct Picture {
  std::vector<float> x0, best, trial;
  Picture() {
    for (std::vector<float>* v : {&x0, &best, &trial}) v->resize(kHeight * kWidth * kChannels, 0.5f);
  }
  [[nodiscard]] Canvas canvas() { return {kHeight, kWidth, kChannels, x0, best, trial}; }
};

ImageRandom random_of(std::uint64_t seed) { return {{seed, random_stream("square_patterns_test")}, 3}; }

double norm_of_move(const Picture& p) {
  double squares = 0;
  for (std::size_t i = 0; i < p.x0.size(); ++i) squares += std::pow(static_cast<double>(p.trial[i]) - p.x0[i], 2);
  return std::sqrt(squares);
}

TEST(SquarePatterns, StripesAreConstantDownAColumn) {
  Picture p;
  stripes(p.canvas(), kEps, random_of(1));
  for (std::int64_t y = 0; y < kHeight; ++y)
    for (std::int64_t i = 0; i < kWidth * kChannels; ++i) {
      const auto at = static_cast<std::size_t>(y * kWidth * kChannels + i);
      EXPECT_EQ(std::abs(p.trial[at] - 0.5f), kEps);
      EXPECT_EQ(p.trial[at], p.trial[static_cast<std::size_t>(i)]);
    }
}

TEST(SquarePatterns, RecolourChangesOneSquare) {
  Picture p;
  stripes(p.canvas(), kEps, random_of(1));
  p.best.swap(p.trial);  // a trial is overwritten whole
  recolour(p.canvas(), kEps, 4, random_of(2));
  std::int64_t changed_rows = 0;
  std::vector<bool> columns(kWidth, false);
  for (std::int64_t y = 0; y < kHeight; ++y) {
    bool has_changed = false;
    for (std::int64_t x = 0; x < kWidth; ++x)
      for (std::int64_t k = 0; k < kChannels; ++k)
        if (const std::size_t i = p.canvas().at(y, x, k); p.trial[i] != p.best[i]) {
          has_changed = columns[static_cast<std::size_t>(x)] = true;
          EXPECT_EQ(std::abs(p.trial[i] - p.x0[i]), kEps);
        }
    changed_rows += has_changed ? 1 : 0;
  }
  EXPECT_EQ(changed_rows, 4);
  EXPECT_LE(std::count(columns.begin(), columns.end(), true), 4);
}

TEST(SquarePatterns, BumpHasNormOneAndTwoSigns) {
  for (const std::int64_t side : {1, 2, 3, 5, 8}) {
    const std::vector<float> shape = bump(side, false), turned = bump(side, true);
    double squares = 0;
    for (std::int64_t y = 0; y < side; ++y)
      for (std::int64_t x = 0; x < side; ++x) {
        const float v = shape[static_cast<std::size_t>(y * side + x)];
        squares += static_cast<double>(v) * v;
        EXPECT_EQ(v > 0, y < side / 2) << side;
        EXPECT_EQ(v, turned[static_cast<std::size_t>(x * side + y)]);
      }
    EXPECT_NEAR(squares, 1, 1e-6);
  }
  // Rings of weight 1 and 1/4 around the middle of one row of three: 1/4, 5/4, 1/4.
  const std::vector<float> three = bump(3, false);
  EXPECT_NEAR(three[1] / three[0], 5, 1e-5);
  EXPECT_NEAR(three[2] / three[0], 1, 1e-6);
}

TEST(SquarePatterns, L2MovesUseTheWholeBall) {
  Picture p;
  grid_of_bumps(p.canvas(), kEps, random_of(1));
  EXPECT_NEAR(norm_of_move(p), kEps, 1e-6);  // nothing is clipped: every move is far below 0.5
  for (std::uint64_t query = 0; query < 50; ++query) {
    p.best.swap(p.trial);  // a trial is overwritten whole
    move_mass(p.canvas(), kEps, 3 + 2 * static_cast<std::int64_t>(query % 3), random_of(2 + query));
    EXPECT_NEAR(norm_of_move(p), kEps, 1e-6);
    EXPECT_NE(p.trial, p.best);
  }
}

}  // namespace
}  // namespace kelvin
