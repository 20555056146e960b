// The audit must detect a model that is known to be broken, and must not change it.
#include "apps/analysis/audit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "apps/analysis/gradient_presence.h"
#include "apps/analysis/loss_curve.h"
#include "apps/attacks/ball.h"
#include "tests/apps/golden_model.h"

namespace kelvin {
namespace {

using testing::golden_images;
using testing::golden_model;

AuditOptions options() {
  AuditOptions o;
  o.attack.eps = 8.0f / 255;
  o.attack.pgd.steps = 10;
  o.attack.autoattack.targets = 2;
  o.attack.batch_size = 16;
  o.queries = 100;
  o.random_points = 20;
  return o;
}

const AuditCheck& named(const Audit& a, const std::string& name) {
  for (const AuditCheck& c : a.checks)
    if (c.name == name) return c;
  throw internal_error("no check ", name);
}

TEST(Audit, BreaksAModelWhoseLogitsAreMultipliedByAHundred) {
  const auto model = golden_model(100);
  const auto before = model->prototypes().value.to_host<float>();
  int told = 0;
  const Audit a = audit(*model, golden_images(16), options(), [&](const std::string&) { ++told; });
  EXPECT_EQ(told, kAuditChecks);
  EXPECT_EQ(model->prototypes().value.to_host<float>(), before);
  EXPECT_TRUE(a.is_masked());
  for (const char* name : {"zero gradients", "margins", "attack tau", "loss swap", "rescaled logits", "loss by step"})
    EXPECT_EQ(named(a, name).verdict, Verdict::masked) << name;
  EXPECT_EQ(named(a, "known-broken model").verdict, Verdict::passes);
  EXPECT_GT(a.masking_gap(), 0.2);
  EXPECT_LE(a.worst_case, a.sound);
  EXPECT_LE(a.sound, a.paper_faithful);
  // Leads of hundreds: float32 has lost every term, float64 only the largest leads'.
  const Json& zero = named(a, "zero gradients").values;
  EXPECT_GT(zero.at("tau1").get<double>(), 0.2);
  EXPECT_GT(zero.at("random_start").get<double>(), 0);
  EXPECT_LT(zero.at("float64").get<double>(), zero.at("tau1").get<double>());
  EXPECT_EQ(zero.at("log_odds").get<double>(), 0);
  EXPECT_GT(named(a, "margins").values.at("above_104").get<double>(), 0.2);
  EXPECT_NE(a.sentence().find("not real"), std::string::npos) << a.sentence();
}

TEST(Audit, LeavesAPlainModelInPeace) {
  const auto model = golden_model();
  const Audit a = audit(*model, golden_images(16), options());
  for (const char* name : {"zero gradients", "margins", "displacement", "loss swap", "rescaled logits"})
    EXPECT_EQ(named(a, name).verdict, Verdict::passes) << name << ": " << named(a, name).figures;
  EXPECT_EQ(named(a, "transfer").verdict, Verdict::not_run);
  EXPECT_EQ(named(a, "loss by step").verdict, Verdict::passes);
  EXPECT_EQ(named(a, "random points").verdict, Verdict::passes);
  EXPECT_EQ(named(a, "random points").values.at("queries"), 20);
  // Every diagnostic of the list, once.
  EXPECT_EQ(a.checks.size(), 17u);
  EXPECT_LT(a.masking_gap(), 0.1);
}

// As long as float64 resolves the difference, its softmax and log-odds have the same gradient up to a positive factor; float32 has lost the
// label's term there.
TEST(GradientPresence, Float64CrossEntropyIsLogOddsAtModerateLeads) {
  const std::vector<float> logits = {3, 27, 5, -2};  // the label leads by 22
  const std::vector<float> w = float64_cross_entropy_weights(logits, 1, 1);
  const double others = std::exp(3.0) + std::exp(5.0) + std::exp(-2.0);
  for (const std::size_t j : {0u, 2u, 3u}) EXPECT_NEAR(w[j], std::exp(static_cast<double>(logits[j])) / others, 1e-6);
  EXPECT_NEAR(w[1], -1, 1e-6);
  const std::vector<float> gone = float64_cross_entropy_weights(std::vector<float>{0, 800}, 1, 1);
  EXPECT_EQ(gone, (std::vector<float>{0, 0}));
}

// PGD by hand on both, from the images themselves: the same pixels where float64 resolves 1 − p_y. Logits times three put the median
// lead near 20, where float32 cross-entropy takes other steps.
TEST(GradientPresence, LogOddsPgdIsFloat64CrossEntropyPgd) {
  const auto model = golden_model(3);
  const Victim victim(*model);
  const ImageSet set = golden_images(16);
  const ImageBatch batch = image_batch(set, all_rows(16));
  const Ball ball{Norm::linf, 4.0f / 255};
  const Tensor labels = victim.column(batch.labels);
  const auto pgd_with = [&](const auto& gradient) {
    std::vector<float> pixels = batch.pixels;
    for (int step = 0; step < 10; ++step) {
      const Answer a = gradient(pixels);
      for (std::size_t i = 0; i < batch.count(); ++i) {
        const std::span<float> x = std::span(pixels).subspan(i * batch.size(), batch.size());
        ball.ascend(x, a.gradient_of(i), 1.0f / 255);
        ball.project(x, batch.image(i));
      }
    }
    return pixels;
  };
  const auto loss = [&](AttackLoss kind) {
    return [&, kind](const std::vector<float>& x) {
      return victim.look(batch, x, [&](const Tensor& logits) { return attack_loss(kind, logits, labels, 1); });
    };
  };
  const auto share_equal = [](const std::vector<float>& a, const std::vector<float>& b) {
    double equal = 0;
    for (std::size_t i = 0; i < a.size(); ++i) equal += std::abs(a[i] - b[i]) <= 1.0f / 255 ? 1 : 0;
    return equal / static_cast<double>(a.size());
  };
  const auto log_odds = pgd_with(loss(AttackLoss::log_odds));
  const auto in_float64 =
      pgd_with([&](const std::vector<float>& x) { return float64_cross_entropy(victim, batch, x, batch.labels, 1); });
  EXPECT_GE(share_equal(log_odds, in_float64), 0.99);  // signs of rounding noise differ, as between any two programs
}

TEST(LossCurve, ClimbsAndNeverFalls) {
  const auto model = golden_model();
  AttackOptions o = options().attack;
  o.loss = AttackLoss::log_odds;
  const LossCurve curve = loss_curve(*model, golden_images(8), o, 8);
  ASSERT_EQ(curve.mean_loss.size(), 11u);
  EXPECT_TRUE(std::is_sorted(curve.mean_loss.begin(), curve.mean_loss.end()));
  EXPECT_GT(curve.mean_loss.back(), curve.mean_loss.front());
  EXPECT_EQ(std::count(curve.climbed.begin(), curve.climbed.end(), true), 8);
  EXPECT_TRUE(curve.late_share >= 0 && curve.late_share < 1);
}

}  // namespace
}  // namespace kelvin
