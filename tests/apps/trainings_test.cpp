// What several trainings can say, against SciPy 1.17.
#include "apps/analysis/trainings.h"

#include <gtest/gtest.h>

namespace kelvin {
namespace {

// ttest_ind(a, b, equal_var=False).confidence_interval(). 1e-9: the quantile is found by bisection of Student's distribution.
TEST(Trainings, WelchIntervalIsSciPys) {
  const MeanDifference d = welch_interval({62.5, 63.1, 61.0}, {60.2, 59.1, 61.7, 58.8});
  EXPECT_NEAR(d.size, 2.25, 1e-12);
  EXPECT_NEAR(d.low, -0.09551358679967947, 1e-9);
  EXPECT_NEAR(d.high, 4.595513586799665, 1e-9);
}

// Figures that are all equal do not show how much trainings vary: an interval of no width, which nobody may take for evidence.
TEST(Trainings, EqualFiguresHaveAnIntervalWithoutWidth) {
  const MeanDifference d = welch_interval({0.5, 0.5}, {0.25, 0.25});
  EXPECT_EQ(d.low, d.high);
}

// kendalltau(x, y, method="exact"); the third by counting all 720 orders, which SciPy does not do where numbers repeat.
TEST(Trainings, TrendsOfFewTrainingsAreCounted) {
  const Trend rising = trend_of({0.1, 1, 10, 50, 100}, {0.0448, 0.0732, 0.1, 0.105, 0.117});
  EXPECT_EQ(rising.tau_a, 1);
  EXPECT_DOUBLE_EQ(rising.p, 2.0 / 120);
  const Trend mixed = trend_of({1, 2, 3, 4, 5, 6}, {2, 1, 4, 3, 6, 5});
  EXPECT_DOUBLE_EQ(mixed.tau_a, 0.6);
  EXPECT_NEAR(mixed.p, 0.1361111111111111, 1e-12);
  EXPECT_NEAR(trend_of({1, 1, 10, 10, 50, 50}, {1, 2, 2, 3, 5, 4}).p, 0.044444444444444446, 1e-12);
  EXPECT_EQ(trend_of({1}, {2}).p, 1);
  EXPECT_EQ(trend_of({1, 1, 1}, {1, 2, 3}).p, 1);  // one temperature
}

// kendalltau(x, y, method="asymptotic")
TEST(Trainings, TrendsOfManyTrainingsAreSciPys) {
  const Trend t = trend_of({1, 1, 1, 10, 10, 10, 50, 50, 50, 100}, {3, 5, 4, 6, 5, 7, 9, 8, 6, 7});
  EXPECT_NEAR(t.p, 0.010593539088689496, 1e-9);
  EXPECT_EQ(trend_of(std::vector<double>(10, 1), {3, 5, 4, 6, 5, 7, 9, 8, 6, 7}).p, 1);
}

}  // namespace
}  // namespace kelvin
