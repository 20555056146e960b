// The audit's tests against chance: SciPy's binomtest (tools/golden/audit.py), and their thresholds.
#include "apps/analysis/paired_tests.h"

#include <gtest/gtest.h>

#include "tests/apps/golden_model.h"

namespace kelvin {
namespace {

nlohmann::json reference() {
  return testing::json_of(std::filesystem::path(KELVIN_GOLDEN_DIR) / "audit/reference.json");
}

// Sums of up to a thousand terms, each from differences of lgamma near 6000: a relative error of 1e-11 or so.
TEST(PairedTests, TailsAreSciPys) {
  for (const auto& row : reference().at("binomial")) {
    const double expected = row.at("tail");
    EXPECT_NEAR(binomial_tail(row.at("k"), row.at("n"), row.at("p")) / expected, 1, 1e-9) << row.dump();
  }
  for (const auto& row : reference().at("paired")) {
    const double expected = row.at("p");
    EXPECT_NEAR(paired_p(row.at("b"), row.at("c"), row.at("n"), row.at("size")) / expected, 1, 1e-9) << row.dump();
  }
}

TEST(PairedTests, NothingThatDiffersIsNoEvidence) {
  EXPECT_EQ(paired_p(0, 0, 200, 0), 1);
  EXPECT_EQ(paired_p(0, 9, 200, 0), 1);
  EXPECT_EQ(paired_p(3, 0, 200, 0.02), 1);  // within the two points that an honest model may show
  EXPECT_EQ(share_p(0, 200, 0.02), 1);
  EXPECT_EQ(share_p(0, 0, 0.02), 1);
}

TEST(PairedTests, ThresholdsAreTheSmallestCountsBeyondChance) {
  for (const double level : {0.05, 0.0025, 0.0003})
    for (const std::int64_t n : {16, 100, 200, 1000}) {
      const std::int64_t b = smallest_paired(n, 0.02, level);
      EXPECT_TRUE(b > n || paired_p(b, 0, n, 0.02) <= level) << n;
      EXPECT_GT(paired_p(b - 1, 0, n, 0.02), level);
      const std::int64_t k = smallest_share(n, 0.02, level);
      EXPECT_LE(share_p(k, n, 0.02), level);
      EXPECT_GT(share_p(k - 1, n, 0.02), level);
    }
  EXPECT_EQ(smallest_paired(200, 0, 0.05), 5);  // 2^-5 = 0.031
  EXPECT_EQ(smallest_paired(4, 0, 0.0025), 5);  // four images can never tell
  // With more images the size decides, not chance: 6.5 points at 200, 3 at 2000.
  EXPECT_LT(static_cast<double>(smallest_paired(2000, 0.02, 0.0025)) / 2000, 0.031);
}

}  // namespace
}  // namespace kelvin
