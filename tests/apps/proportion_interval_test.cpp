// Exact intervals of shares: SciPy's (tools/golden/card.py).
#include "apps/analysis/proportion_interval.h"

#include <gtest/gtest.h>

#include "tests/apps/golden_model.h"

namespace kelvin {
namespace {

// SciPy inverts the beta distribution, we halve an interval on sums of binomial terms: both to 1e-9 or so.
TEST(ProportionInterval, IsSciPys) {
  const nlohmann::json reference = testing::json_of(std::filesystem::path(KELVIN_GOLDEN_DIR) / "card/reference.json");
  ASSERT_GT(reference.at("intervals").size(), 20u);
  for (const auto& row : reference.at("intervals")) {
    const ProportionInterval i = clopper_pearson(row.at("k"), row.at("n"), 0.95);
    EXPECT_NEAR(i.low, row.at("low").get<double>(), 1e-8) << row.dump();
    EXPECT_NEAR(i.high, row.at("high").get<double>(), 1e-8) << row.dump();
  }
}

// Of 200 images none: the rule of three would say 1.5 %.
TEST(ProportionInterval, OfNothingReachesToZero) {
  const ProportionInterval none = clopper_pearson(0, 200, 0.95), all = clopper_pearson(200, 200, 0.95);
  EXPECT_EQ(none.low, 0);
  EXPECT_EQ(all.high, 1);
  EXPECT_NEAR(none.high, 1 - all.low, 1e-12);
}

}  // namespace
}  // namespace kelvin
