// Rows against their baseline: false positives of a table whose arms are all the same recipe, power where they differ, verdicts.
#include <gmock/gmock.h>

#include <cmath>

#include "apps/sweep/contrasts.h"
#include "kernels/device/philox.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kKeys = {"clean", "pgd_log_odds"};

SweepTable table_of(std::size_t arms, std::size_t seeds) {
  SweepTable t;
  t.axes = {"variant"};
  for (const SweepColumn& c : sweep_columns())
    if (std::find(kKeys.begin(), kKeys.end(), c.key) != kKeys.end()) t.columns.push_back(c);
  t.family.columns = kKeys;
  for (std::size_t arm = 0; arm < arms; ++arm) {
    SweepRow row;
    row.label = std::string(1, static_cast<char>('A' + arm));
    row.values = {row.label};
    for (std::size_t s = 0; s < seeds; ++s) row.seeds.push_back(s);
    row.cells.resize(seeds);
    t.rows.push_back(row);
  }
  return t;
}

void set_images(CellFigures& cell, const std::string& key, const std::vector<double>& images) {
  double sum = 0;
  for (const double v : images) sum += v;
  cell.images[key] = images;
  cell.values[key] = sum / static_cast<double>(images.size());
}

// An image is correct where its ease + the seed's effect + an interaction is positive, all normal. With these the accuracies over seeds are
// 86 ± 1 % and 26 ± 5 % on 200 images, as small networks trained alike show them for clean and attacked images. `shift` is added for arm B.
struct Design {
  std::size_t arms = 3, seeds = 5, images = 200;
  double shift = 0;
};
SweepTable simulated(const Design& d, std::uint64_t replicate) {
  SweepTable t = table_of(d.arms, d.seeds);
  const RandomKey key{replicate, random_stream("a-a")};
  std::uint64_t counter = 0;
  const auto normal = [&] {
    const std::array<std::uint32_t, 4> bits = philox(key, counter++);
    return normal_pair<double>(bits[0], bits[1])[0];
  };
  for (const std::string& column : kKeys) {
    const bool is_clean = column == "clean";
    std::vector<double> ease(d.images);
    for (double& e : ease) e = (is_clean ? 1.1 : -0.65) + 0.8 * normal();
    for (std::size_t arm = 0; arm < d.arms; ++arm)
      for (CellFigures& cell : t.rows[arm].cells) {
        const double seed_effect = (is_clean ? 0.03 : 0.15) * normal() + (arm == 1 ? d.shift : 0);
        std::vector<double> correct(d.images);
        for (std::size_t i = 0; i < d.images; ++i) correct[i] = ease[i] + seed_effect + 0.6 * normal() > 0 ? 1 : 0;
        set_images(cell, column, correct);
      }
  }
  compare_with_baseline(t, {"variant", "A"});
  return t;
}

struct Stars {
  double over_seeds = 0, on_images = 0;  // shares of tables with at least one * and at least one †
};
Stars stars_of(const Design& d, int tables) {
  Stars stars;
  for (int r = 0; r < tables; ++r) {
    const SweepTable t = simulated(d, static_cast<std::uint64_t>(r));
    bool star = false, dagger = false;
    for (const SweepRow& row : t.rows) {
      for (const auto& [key, difference] : row.differences) star = star || *difference.p_holm < kSignificant;
      for (const auto& [key, comparison] : row.comparisons) dagger = dagger || comparison.p_holm < kSignificant;
    }
    stars.over_seeds += star ? 1.0 / tables : 0;
    stars.on_images += dagger ? 1.0 / tables : 0;
  }
  return stars;
}

// Every arm is the same recipe: each sign is false. Of 1,000 tables (two rows, two columns, one family) at most 5 % may have a false star over
// seeds; three standard errors of that are 2.1 %. The test on the same images takes the trained models as given, and fires far more often. With
// three and five seeds: star in 4.7 and 4.6 % of the tables, dagger in 56 and 54 %.
TEST(SweepContrasts, ArmsOfOneRecipeAreStarredAsRarelyAsStated) {
  for (const std::size_t seeds : {3u, 5u}) {
    const Stars stars = stars_of({.seeds = seeds}, 1000);
    RecordProperty(str("star_", seeds, "_seeds"), str(stars.over_seeds));
    RecordProperty(str("dagger_", seeds, "_seeds"), str(stars.on_images));
    EXPECT_LE(stars.over_seeds, 0.05 + 0.021);
    EXPECT_GE(stars.over_seeds, 0.01);  // and is no rule that never fires
    EXPECT_GE(stars.on_images, 0.3);
  }
}

// A shift by eleven points is found.
TEST(SweepContrasts, ARealDifferenceIsStarred) { EXPECT_GE(stars_of({.seeds = 8, .shift = 0.4}, 200).over_seeds, 0.8); }

// Accuracies of images, by hand: seeds of row B against those of A.
SweepTable by_hand(const std::vector<std::vector<double>>& a, const std::vector<std::vector<double>>& b) {
  SweepTable t = table_of(2, a.size());
  for (std::size_t s = 0; s < a.size(); ++s) {
    set_images(t.rows[0].cells[s], "clean", a[s]);
    set_images(t.rows[1].cells[s], "clean", b[s]);
  }
  return t;
}
// `correct` of 100 images.
std::vector<double> share(int correct) {
  std::vector<double> images(100, 0.0);
  std::fill_n(images.begin(), correct, 1.0);
  return images;
}
std::string verdict(const std::vector<int>& a, const std::vector<int>& b, double margin) {
  std::vector<std::vector<double>> rows[2];
  for (const int n : a) rows[0].push_back(share(n));
  for (const int n : b) rows[1].push_back(share(n));
  SweepTable t = by_hand(rows[0], rows[1]);
  t.family.margin = margin;
  compare_with_baseline(t, {"variant", "A"});
  return t.rows[1].differences.at("clean").verdict;
}

TEST(SweepContrasts, VerdictsFollowFromTheTwoTests) {
  EXPECT_EQ(verdict({50, 52, 49}, {60, 61, 60}, 0.02), "differs");                // 10, 9, 11 points
  EXPECT_EQ(verdict({50, 52, 49}, {60, 61, 60}, 0.2), "differs, within margin");  // of 20 points
  EXPECT_EQ(verdict({50, 52, 49, 51}, {51, 51, 49, 51}, 0.02), "equivalent");     // 1, −1, 0, 0
  EXPECT_EQ(verdict({50, 52, 49}, {60, 45, 49}, 0.02), "not decided");            // 10, −7, 0
  EXPECT_EQ(verdict({50, 52, 49}, {50, 52, 49}, 0.02), "identical");
  EXPECT_EQ(verdict({50, 52}, {51, 53}, 0.02), "not decided");  // equal, which shows no deviation
}

// Corruptions count several trials of an image: the difference is in shares of all of them, as the column is.
TEST(SweepContrasts, TrialsOfAnImageAreOnePair) {
  SweepTable t = table_of(2, 2);
  const std::vector<std::vector<double>> counts = {{3, 0, 2, 1}, {2, 1, 2, 1}, {3, 1, 3, 1}, {3, 3, 2, 1}};  // of 3
  for (std::size_t k = 0; k < 4; ++k) {
    CellFigures& cell = t.rows[k / 2].cells[k % 2];
    set_images(cell, "clean", counts[k]);
    cell.values["clean"] /= 3;
    cell.trials["clean"] = 3;
  }
  compare_with_baseline(t, {"variant", "A"});
  const SeedDifference& d = t.rows[1].differences.at("clean");
  EXPECT_TRUE(d.is_crossed);
  EXPECT_NEAR(d.test.mean, (2 + 3) / 24.0, 1e-12);
  EXPECT_NEAR((d.interval.low + d.interval.high) / 2, (2 + 3) / 24.0, 1e-12);
  EXPECT_LE(d.interval.low, d.test.interval.low);
  EXPECT_GE(d.interval.high, d.test.interval.high);
  EXPECT_TRUE(t.rows[1].comparisons.at("clean").p_of_seed.empty());
}

// Seeds of which only one row has a figure, or other images, are no pair image by image.
TEST(SweepContrasts, OnlyWhatBothHaveIsPaired) {
  SweepTable t = by_hand({share(50), share(52), share(49)}, {share(60), share(61), share(60)});
  t.rows[1].cells[2] = {};
  compare_with_baseline(t, {"variant", "A"});
  EXPECT_EQ(t.rows[1].differences.at("clean").test.df, 1);
  t.rows[1].cells[1].images["clean"].resize(50);
  compare_with_baseline(t, {"variant", "A"});
  EXPECT_FALSE(t.rows[1].differences.at("clean").is_crossed);
  t.rows[1].seeds[1] = 7;
  t.rows[1].differences.clear();
  compare_with_baseline(t, {"variant", "A"});
  EXPECT_TRUE(t.rows[1].differences.empty());
  EXPECT_THAT(text_of(t), HasSubstr("no inference over seeds"));
}

}  // namespace
}  // namespace kelvin
