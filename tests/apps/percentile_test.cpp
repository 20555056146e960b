// Against numpy.percentile (2.4), by default linear.
#include "apps/evaluation/percentile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "apps/attacks/attack.h"

namespace kelvin {
namespace {

TEST(Percentile, AgreesWithNumPy) {
  const std::vector<double> ps = {0, 5, 25, 50, 75, 95, 100};
  const std::vector<std::pair<std::vector<double>, std::vector<double>>> cases = {
      {{3, 1, 2}, {1, 1.1, 1.5, 2, 2.5, 2.9, 3}},
      {{4, 1, 3, 2}, {1, 1.15, 1.75, 2.5, 3.25, 3.8499999999999996, 4}},
      {{0.1, 0.7, 0.2, 0.9, 0.35, 0.6}, {0.1, 0.125, 0.2375, 0.475, 0.6749999999999999, 0.85, 0.9}},
      {{-2.5, 1e9, 3.25, 7, 7, 0.125, -8, 2},
       {-8, -6.074999999999999, -0.53125, 2.625, 7, 650000002.4499995, 1000000000.0}},
      {{5}, {5, 5, 5, 5, 5, 5, 5}}};
  for (const auto& [values, expected] : cases)
    for (std::size_t i = 0; i < ps.size(); ++i) EXPECT_DOUBLE_EQ(percentile(values, ps[i]), expected[i]) << ps[i];
}

TEST(Percentile, IsNoNumberWhereNoneIsRight) {
  EXPECT_TRUE(std::isnan(percentile({}, 50)));
  EXPECT_TRUE(std::isnan(percentile({1, std::nan(""), 2}, 50)));
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(percentile({1, infinity, infinity}, 75), infinity);
  EXPECT_EQ(percentile({1, 2, infinity}, 50), 2);
}

TEST(Percentile, OfMarginsIsTheSame) {
  AttackResult r;
  for (const float margin : {4.0f, 1.0f, 3.0f, 2.0f}) {
    r.images.emplace_back();
    r.images.back().clean_margin = margin;
  }
  EXPECT_DOUBLE_EQ(r.margin_percentile(50), 2.5);
  EXPECT_DOUBLE_EQ(r.margin_percentile(95), 3.8499999999999996);
}

}  // namespace
}  // namespace kelvin
