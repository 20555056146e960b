// What results say about the claims: each verdict from results made for it, and nothing from results that are damaged or old.
#include "apps/report/claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "apps/report/run_figures.h"

namespace kelvin {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

std::string flags(int ones, int zeros) { return std::string(ones, '1') + std::string(zeros, '0'); }

// Of 100 images the first `robust` withstand.
Json pgd(const char* loss, int robust, const char* targeted = "none", double zero = 0) {
  return {{"attack", "pgd"},
          {"loss", loss},
          {"attack_tau", 1},
          {"targeted", targeted},
          {"norm", "linf"},
          {"eps", 0.03},
          {"seed", 0},
          {"n", 100},
          {"steps", 20},
          {"restarts", 1},
          {"robust_accuracy", robust / 100.0},
          {"correct", flags(robust, 100 - robust)},
          {"zero_gradient_fraction", zero}};
}

Json evaluated(int right) { return {{"accuracy", right / 100.0}, {"n", 100}, {"correct", flags(right, 100 - right)}}; }
Json corrupted(int right) {
  return {{"mean_accuracy", right / 100.0},
          {"n", 100},
          {"rows", {{{"corruption", "fog"}, {"severity", 3}, {"correct", flags(right, 100 - right)}}}}};
}
Json geometry(double cv, double unit_cv) {
  return {
      {"coefficient_of_variation", cv}, {"cosine_coefficient_of_variation", unit_cv}, {"mean_distance_variance", 1}};
}
Json gradient_row(double tau, double step, double hardest) {
  return {{"tau", tau}, {"step_size", step}, {"alpha_shares", {hardest, 1 - hardest}}, {"true_prototype_l2", 2 * step}};
}

Json run(double tau, Json results) {
  results["train"] = {{"tau", tau}, {"model", "mlp"}, {"data", "synthetic"}, {"diverged", false}};
  return {{"name", "run"}, {"results", std::move(results)}};
}

Claim claim(const Json& runs, const std::string& key) {
  for (Claim& c : claims_of(runs))
    if (c.key == key) return c;
  ADD_FAILURE() << "no claim " << key;
  return {};
}
std::string verdict(const Json& runs, const std::string& key) { return name_of(claim(runs, key).verdict); }

constexpr const char *kSupported = "supported", *kContradicted = "contradicted", *kOpen = "not decided by these runs",
                     *kMissing = "not measured";

TEST(Claims, AreSevenInOneOrder) {
  std::vector<std::string> keys;
  for (const Claim& c : claims_of(Json::array())) {
    keys.push_back(c.key);
    EXPECT_EQ(std::string(name_of(c.verdict)), kMissing);
    EXPECT_NE(c.reason, "") << c.key;  // what measures it
  }
  EXPECT_EQ(keys, (std::vector<std::string>{"step-size", "direction", "distances", "corruptions", "untargeted",
                                            "targeted", "clean"}));
}

TEST(Claims, StepSizeAndDirectionFollowTheRowsOfTheModelNearestToOne) {
  const auto runs = [](double step_at_100, double share_at_100) {
    const Json rows = {gradient_row(0.1, 0.9, 0.99), gradient_row(1, 0.5, 0.8),
                       gradient_row(100, step_at_100, share_at_100)};
    const Json other = {gradient_row(1, 0.1, 0.9), gradient_row(100, 0.2, 0.75)};
    return Json{run(1, {{"gradients", {{"rows", rows}, {"n", 50}}}}), run(100, {{"gradients", {{"rows", other}}}})};
  };
  const Claim step = claim(runs(0.01, 0.5), "step-size");
  EXPECT_EQ(step.verdict, ClaimVerdict::supported);
  EXPECT_THAT(step.figure, HasSubstr("0.5 at loss τ = 1, 0.01 at loss τ = 100"));
  EXPECT_THAT(step.size, HasSubstr("50 times shorter"));
  EXPECT_EQ(verdict(runs(0.6, 0.5), "step-size"), kContradicted);
  const Claim direction = claim(runs(0.01, 0.5), "direction");
  EXPECT_EQ(direction.verdict, ClaimVerdict::supported);
  EXPECT_THAT(direction.figure, HasSubstr("99.0 % of the push at loss τ = 0.1, 50.0 % at loss τ = 100"));
  EXPECT_THAT(direction.reason, HasSubstr("with the loss at τ = 100, the hardest class takes 75.0 % again"));
  EXPECT_EQ(verdict(runs(0.01, 0.995), "direction"), kContradicted);
  EXPECT_EQ(verdict({run(1, {{"gradients", {{"rows", {gradient_row(1, 1, 1)}}}}})}, "step-size"), kMissing);
}

TEST(Claims, DistancesAreDecidedByATrendOverTrainings) {
  const auto runs = [](const std::vector<double>& cv, const std::vector<double>& unit) {
    Json list = Json::array();
    const double taus[] = {0.1, 1, 10, 50, 100};
    for (std::size_t i = 0; i < cv.size(); ++i) list.push_back(run(taus[i], {{"geometry", geometry(cv[i], unit[i])}}));
    return list;
  };
  const Claim rising = claim(runs({0.04, 0.07, 0.10, 0.11, 0.12}, {0.06, 0.10, 0.12, 0.13, 0.14}), "distances");
  EXPECT_EQ(rising.verdict, ClaimVerdict::contradicted);
  EXPECT_THAT(rising.figure, HasSubstr("0.1 → 0.14 on unit vectors, 0.07 → 0.12 on raw ones"));
  EXPECT_THAT(rising.uncertainty, HasSubstr("p = 0.017"));  // 2 of 120 orders
  EXPECT_EQ(verdict(runs({0.5, 0.4, 0.3, 0.2, 0.1}, {0.5, 0.4, 0.3, 0.2, 0.1}), "distances"), kSupported);
  // the raw coefficient follows the size of the last layer and decides nothing
  EXPECT_EQ(verdict(runs({0.5, 0.4, 0.3, 0.2, 0.1}, {0.1, 0.2, 0.3, 0.4, 0.5}), "distances"), kContradicted);
  EXPECT_EQ(verdict(runs({0.1, 0.2, 0.3, 0.4, 0.5}, {0.1, 0.3, 0.2, 0.4, 0.1}), "distances"), kOpen);
  EXPECT_EQ(verdict(runs({0.04, 0.07, 0.10}, {0.06, 0.10, 0.12}), "distances"), kOpen);  // 2 of 6 orders
}

TEST(Claims, AnAccuracyIsDecidedBySeveralTrainingsAlone) {
  using Made = std::tuple<const char*, const char*, Json (*)(int)>;
  for (const auto& [key, name, result] :
       {Made{"corruptions", "corrupt", corrupted}, Made{"clean", "evaluate", evaluated}}) {
    const auto runs = [&, name = name, result = result](const std::vector<int>& at_one,
                                                        const std::vector<int>& at_ten) {
      Json list = Json::array();
      for (const int right : at_one) list.push_back(run(1, {{name, result(right)}}));
      for (const int right : at_ten) list.push_back(run(10, {{name, result(right)}}));
      return list;
    };
    const Claim single = claim(runs({50}, {90}), key);
    EXPECT_EQ(single.verdict, ClaimVerdict::not_decided) << key;  // forty points, but one training each
    EXPECT_EQ(single.size, "+40.0 points");
    EXPECT_THAT(single.uncertainty,
                HasSubstr("for other images and these two models (McNemar, image by image, 100 images)"));
    EXPECT_EQ(verdict(runs({50, 52, 51}, {60, 61, 62}), key), kSupported);
    EXPECT_EQ(verdict(runs({60, 61, 62}, {50, 52, 51}), key), kContradicted);
    EXPECT_EQ(verdict(runs({50, 60, 55}, {51, 61, 59}), key), kOpen);
    EXPECT_EQ(verdict(runs({50, 50}, {60, 60}), key), kOpen);  // no spread says nothing of spread
    EXPECT_EQ(verdict(runs({50, 52, 51}, {}), key), kMissing);
    Json mixed = runs({50, 52, 51}, {60, 61, 62});
    mixed[3]["results"]["train"]["model"] = "resnet8";
    EXPECT_EQ(verdict(mixed, key), kOpen);
    EXPECT_THAT(claim(mixed, key).reason, HasSubstr("differ in model"));
  }
}

Json attacked(double tau, int ce, int log_odds) {
  return run(tau, {{"attack-a", pgd("ce", ce, "none", 0.8)}, {"attack-b", pgd("log-odds", log_odds)}});
}

TEST(Claims, AGainUnderPgdThatLogOddsBreaksIsContradicted) {
  const Claim masked = claim({attacked(1, 25, 25), attacked(100, 75, 20)}, "untargeted");
  EXPECT_EQ(masked.verdict, ClaimVerdict::contradicted);
  EXPECT_EQ(masked.size, "+50.0 points on cross-entropy, −5.0 on log-odds");
  EXPECT_THAT(masked.uncertainty, HasSubstr("of 100 images 55 fall to the other attack alone, 0 to plain PGD alone"));
  EXPECT_THAT(masked.reason, HasSubstr("zero on 80.0 % of the images"));
  // Both losses agree: one training decides nothing, several do.
  EXPECT_EQ(verdict({attacked(1, 25, 25), attacked(100, 75, 74)}, "untargeted"), kOpen);
  EXPECT_EQ(
      verdict({attacked(1, 25, 25), attacked(1, 27, 26), attacked(100, 75, 74), attacked(100, 72, 72)}, "untargeted"),
      kSupported);
  // Other settings are another attack.
  Json other = attacked(100, 75, 20);
  other["results"]["attack-b"]["steps"] = 100;
  EXPECT_EQ(verdict({attacked(1, 25, 25), other}, "untargeted"), kMissing);
}

TEST(Claims, AnInvertedOrderOfTargetedAndUntargetedIsContradicted) {
  const auto high = [](int untargeted, int targeted) {
    return Json{run(100, {{"attack-a", pgd("ce", untargeted)}, {"attack-b", pgd("ce", targeted, "random")}})};
  };
  const Claim inverted = claim(high(73, 49), "targeted");
  EXPECT_EQ(inverted.verdict, ClaimVerdict::contradicted);
  EXPECT_EQ(inverted.size, "−24.0 points from untargeted to targeted");
  EXPECT_EQ(verdict(high(22, 61), "targeted"), kOpen);
  EXPECT_EQ(verdict(high(50, 48), "targeted"), kOpen);  // two images: p = 0.25
}

// Without one flag an image (earlier versions) the two attacks count as two samples.
TEST(Claims, OldResultsAreComparedAsSamples) {
  Json runs = {attacked(1, 25, 25), attacked(100, 75, 20)};
  for (Json& r : runs)
    for (Json& result : r["results"]) result.erase("correct");
  const Claim c = claim(runs, "untargeted");
  EXPECT_EQ(c.verdict, ClaimVerdict::contradicted);
  EXPECT_THAT(c.uncertainty, HasSubstr("binomial"));
}

// Whatever a file holds, a claim is not measured at worst.
TEST(Claims, DamagedResultsCountAsNotMeasured) {
  const Json whole = {run(1, {{"attack-a", pgd("ce", 20)},
                              {"attack-b", pgd("log-odds", 20)},
                              {"attack-c", pgd("ce", 30, "random")},
                              {"evaluate", evaluated(80)},
                              {"corrupt", corrupted(60)},
                              {"geometry", geometry(1, 1)},
                              {"gradients", {{"rows", {gradient_row(1, 1, 1), gradient_row(2, 1, 1)}}}}}),
                      run(9, {{"attack-a", pgd("ce", 20)},
                              {"attack-b", pgd("log-odds", 20)},
                              {"attack-c", pgd("ce", 30, "random")},
                              {"evaluate", evaluated(80)},
                              {"corrupt", corrupted(60)},
                              {"geometry", geometry(1, 1)}})};
  for (const Claim& c : claims_of(whole)) EXPECT_NE(c.verdict, ClaimVerdict::not_measured) << c.key;
  const Json odd[] = {nullptr, "text", -1e300, Json::array({1}), {{"rows", 3}}, {{"rows", {{{"alpha_shares", {"x"}}}}}},
                      true};
  const Json flat = whole.flatten();
  for (const auto& [pointer, value] : flat.items())
    for (const Json& o : odd) {
      Json damaged = whole;
      damaged[Json::json_pointer(pointer)] = o;
      EXPECT_EQ(claims_of(damaged).size(), 7u) << pointer;
      (void)text_of(claims_of(damaged));
    }
  for (const Json& o : odd) {
    EXPECT_EQ(claims_of(o).size(), 7u);
    EXPECT_EQ(claims_of(Json::array({{{"results", o}}})).size(), 7u);
    EXPECT_EQ(claims_of(Json::array({{{"results", {{"train", o}, {"evaluate", o}, {"gradients", o}}}}})).size(), 7u);
  }
}

TEST(Claims, ADivergedRunHasNoPart) {
  Json diverged = run(100, {{"evaluate", evaluated(10)}});
  diverged["results"]["train"]["diverged"] = true;
  EXPECT_EQ(verdict({run(1, {{"evaluate", evaluated(80)}}), diverged}, "clean"), kMissing);
}

}  // namespace
}  // namespace kelvin
