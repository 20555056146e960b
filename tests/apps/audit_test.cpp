// The audit must detect a model that is known to be broken, and must not change it.
#include "apps/analysis/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "apps/analysis/gradient_presence.h"
#include "apps/analysis/loss_curve.h"
#include "apps/attacks/ball.h"
#include "tests/apps/golden_model.h"
#include "tests/apps/toy_classifier.h"

namespace kelvin {
namespace {

using testing::golden_images;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::Toy;
using testing::toy_classifier;

AuditOptions options() {
  AuditOptions o;
  o.attack.eps = 14.0f / 255;
  o.attack.pgd.steps = 10;
  o.attack.autoattack.targets = 2;
  o.attack.autoattack.steps = 20;
  o.attack.batch_size = 100;
  o.queries = 100;
  o.random_points = 20;
  o.long_restarts = 2;
  o.long_steps = 20;
  return o;
}

const AuditCheck& named(const Audit& a, const std::string& name) {
  for (const AuditCheck& c : a.checks)
    if (c.name == name) return c;
  throw internal_error("no check ", name);
}

// All checks in the order in which they run.
const std::vector<std::string> kChecks = {
    "zero gradients", "margins",           "displacement",    "restart noise",      "attack tau",
    "loss swap",      "rescaled logits",   "inversion",       "all targets",        "loss by step",
    "one step",       "epsilon curve",     "twice the steps", "twice the restarts", "random points",
    "Square",         "transfer",          "long attack",     "AutoAttack",         "rescaled APGD",
    "precision",      "known-broken model"};

TEST(Audit, BreaksAModelWhoseLogitsAreMultipliedByAHundred) {
  const Toy toy = toy_classifier(400), plain = toy_classifier(4);
  Model* const model = toy.model.get();
  const auto before = model->prototypes().value.to_host<float>();
  AuditOptions o = options();
  o.twins = {{"plain", plain.model.get()}, {"itself", model}};
  int told = 0;
  const Audit a = audit(*model, toy.images, o, [&](const std::string&) { ++told; });
  EXPECT_EQ(told, kAuditChecks);
  EXPECT_EQ(model->prototypes().value.to_host<float>(), before);
  for (const char* name : {"zero gradients", "displacement", "attack tau", "loss swap", "rescaled logits", "inversion",
                           "all targets", "loss by step", "epsilon curve", "transfer", "AutoAttack", "rescaled APGD"})
    EXPECT_EQ(named(a, name).verdict, Verdict::masked) << name << ": " << named(a, name).figures;
  // An attack that does not run gains nothing by more effort.
  for (const char* name : {"twice the steps", "twice the restarts", "one step"})
    EXPECT_EQ(named(a, name).verdict, Verdict::passes) << name << ": " << named(a, name).figures;
  for (const char* name : {"margins", "restart noise"}) EXPECT_EQ(named(a, name).verdict, Verdict::figure) << name;
  EXPECT_EQ(named(a, "known-broken model").verdict, Verdict::passes);
  EXPECT_GT(a.attack_gap(), 0.2);
  EXPECT_LE(a.worst_case, a.sound);
  EXPECT_LE(a.sound, a.paper_faithful);
  EXPECT_EQ(a.verdict(), "masked");
  EXPECT_TRUE(a.is_masked());
  EXPECT_THAT(a.sentence(), HasSubstr("no robustness"));
  EXPECT_THAT(a.sentence(), HasSubstr("Certificate: targeted PGD breaks"));

  // Leads of hundreds: float32 has lost every term, float64 only the largest leads'.
  const Json& zero = named(a, "zero gradients").values;
  EXPECT_GT(zero.at("tau1").get<double>(), 0.2);
  EXPECT_GT(zero.at("random_start").get<double>(), 0);
  EXPECT_LT(zero.at("float64").get<double>(), zero.at("tau1").get<double>());
  EXPECT_EQ(zero.at("log_odds").get<double>(), 0);
  EXPECT_GT(named(a, "margins").values.at("above_104").get<double>(), 0.2);
  // Each twin by itself; the worst is the figure.
  const Json& transfer = named(a, "transfer").values;
  ASSERT_EQ(transfer.at("twins").size(), 2u);
  EXPECT_EQ(transfer.at("twins")[1].at("twin"), "itself");
  EXPECT_EQ(transfer.at("robust_accuracy"),
            std::min(transfer.at("twins")[0].at("robust_accuracy"), transfer.at("twins")[1].at("robust_accuracy")));
}

TEST(Audit, LeavesAPlainModelInPeace) {
  const Toy toy = toy_classifier(4);
  const Audit a = audit(*toy.model, toy.images, options());
  ASSERT_EQ(a.checks.size(), kChecks.size());
  for (std::size_t i = 0; i < kChecks.size(); ++i) {
    const AuditCheck& c = a.checks[i];
    EXPECT_EQ(c.name, kChecks[i]);
    EXPECT_TRUE(c.verdict == Verdict::passes || c.verdict == Verdict::figure || c.verdict == Verdict::not_run)
        << c.name << ": " << c.figures;
  }
  EXPECT_EQ(named(a, "transfer").verdict, Verdict::not_run);
  EXPECT_EQ(named(a, "random points").values.at("queries"), 20);
  EXPECT_LT(a.attack_gap(), 0.1);
  EXPECT_EQ(a.verdict(), "no sign");
  EXPECT_EQ(a.certificate, "");

  // The columns are those of the images, and the images those of the attacks.
  const auto n = static_cast<double>(a.n);
  const auto share = [&](auto property) { return static_cast<double>(std::ranges::count_if(a.images, property)) / n; };
  EXPECT_DOUBLE_EQ(share(&AuditedImage::is_correct), a.clean_accuracy);
  EXPECT_DOUBLE_EQ(share(&AuditedImage::is_robust), a.worst_case);
  EXPECT_DOUBLE_EQ(share(&AuditedImage::is_left_by_plain), a.paper_faithful);
  EXPECT_LT(a.worst_case, a.clean_accuracy);
  std::int64_t most = 0;
  for (const AuditAttack& attack : a.attacks) {
    EXPECT_LE(attack.left, attack.attacked);
    if (attack.options.attack == "autoattack") {
      EXPECT_EQ(static_cast<double>(attack.left) / n, a.autoattack);
    }
    if (attack.counts && attack.attacked == a.n) most = std::max(most, a.n - attack.left);
  }
  EXPECT_GT(most, 0);
  EXPECT_LE(static_cast<double>(most) / n, 1 - a.worst_case + 1e-12);
  for (const AuditedImage& image : a.images) {
    EXPECT_EQ(image.first_broken_by >= 0, image.times_broken > 0);
    if (image.first_broken_by < 0) continue;
    EXPECT_TRUE(a.attacks[static_cast<std::size_t>(image.first_broken_by)].counts);
  }
}

// With small logits every gradient is there, but cross-entropy pulls at all wrong classes alike.
TEST(Audit, CallsAWeakLossWeakAndNotMasked) {
  const Toy toy = toy_classifier(0.05);
  const Audit a = audit(*toy.model, toy.images, options());
  EXPECT_EQ(named(a, "rescaled logits").verdict, Verdict::weak_attack) << named(a, "rescaled logits").figures;
  EXPECT_EQ(named(a, "zero gradients").verdict, Verdict::passes);
  EXPECT_EQ(named(a, "inversion").verdict, Verdict::passes);
  EXPECT_EQ(a.verdict(), "weak attack") << a.sentence();
  EXPECT_FALSE(a.is_masked());
}

// Steps that do not reach the edge of the ball: the gradient is there, and more effort or another search finds more.
TEST(Audit, CallsTooLittleEffortWeakAndNotMasked) {
  const Toy toy = toy_classifier(4);
  AuditOptions o = options();
  o.attack.eps = 20.0f / 255;
  o.attack.pgd.steps = 4;
  o.attack.pgd.step = o.attack.eps / 10;
  o.queries = 1000;
  const Audit a = audit(*toy.model, toy.images, o);
  for (const char* name : {"one step", "twice the steps", "Square", "AutoAttack"})
    EXPECT_EQ(named(a, name).verdict, Verdict::weak_attack) << name << ": " << named(a, name).figures;
  EXPECT_EQ(named(a, "displacement").verdict, Verdict::passes) << named(a, "displacement").figures;
  EXPECT_EQ(a.verdict(), "weak attack");
}

// The level is divided among the checks, and in a check among its comparisons.
TEST(Audit, TheLevelIsDivided) {
  const Toy toy = toy_classifier(4);
  AuditOptions o = options();
  o.attack.pgd.steps = 2;
  const Audit a = audit(*toy.model, toy.images.first(16), o);
  double total = 0;
  for (const AuditCheck& c : a.checks)
    for (const AuditComparison& k : c.comparisons) total += k.level;
  EXPECT_LE(total, kVerdictLevel + 1e-12);
  EXPECT_GT(total, 0.8 * kVerdictLevel);
  EXPECT_EQ(named(a, "attack tau").comparisons.size(), 8u);  // 2 to 200, and about a fifth of the median lead
  EXPECT_THAT(named(a, "loss swap").rule,
              HasSubstr("beyond 2 points and chance (p <= 0.00083, from 11 of 16 images on)"));
  EXPECT_EQ(a.smallest_difference(), 10.0 / 16);
}

Audit with(Verdict verdict) {
  Audit a;
  a.n = 200;
  a.paper_faithful = 0.35;
  a.worst_case = 0.267;
  a.checks = {{"loss swap", "figures", "rule", verdict, {}}, {"Square", "", "", Verdict::passes, {}}};
  return a;
}

TEST(Audit, HasASentenceForEachOutcome) {
  EXPECT_EQ(with(Verdict::passes).sentence(),
            "No sign of a vanished gradient or a weak attack: worst case 26.7 % against 35.0 % for plain PGD, on 200 "
            "images.");
  EXPECT_EQ(with(Verdict::weak_attack).sentence(),
            "Plain PGD is a weak attack here, although it has gradients: 35.0 % becomes 26.7 % in the worst case, on "
            "200 images (loss swap). Report the worst case.");
  EXPECT_EQ(with(Verdict::masked).sentence(),
            "Masked: the gradient vanishes and plain PGD does not run. What it leaves, 35.0 %, is no robustness: the "
            "worst case is 26.7 %, on 200 images (loss swap).");
  EXPECT_THAT(with(Verdict::failed_harness).sentence(), HasSubstr("contradicts itself (loss swap)"));
  EXPECT_EQ(with(Verdict::passes).verdict(), "no sign");
  Audit both = with(Verdict::weak_attack);
  both.checks[1].verdict = Verdict::masked;
  EXPECT_EQ(both.verdict(), "masked");
  both.paper_faithful = both.worst_case;
  EXPECT_THAT(both.sentence(), HasSubstr("came close all the same"));
}

TEST(Audit, ItsJsonKeepsTheOldNames) {
  Audit a = with(Verdict::weak_attack);
  a.checks[0].comparisons = {{.name = "margin", .images = 200, .alone = 17, .other = 1, .saturated = 2, .size = 0.02}};
  const Json json = to_json(a);
  for (const char* key :
       {"n",          "clean_accuracy", "paper_faithful", "sound",       "worst_case", "masking_gap",
        "attack_gap", "median_margin",  "norm",           "eps",         "step",       "steps",
        "train_tau",  "masked",         "verdict",        "certificate", "level",      "smallest_difference",
        "sentence",   "warnings",       "checks"})
    EXPECT_TRUE(json.contains(key)) << key;
  EXPECT_EQ(json["masking_gap"], json["attack_gap"]);
  EXPECT_EQ(json["masked"], false);
  EXPECT_EQ(json["verdict"], "weak attack");
  EXPECT_EQ(json["checks"][0]["verdict"], "weak attack");
  const Json& comparison = json["checks"][0]["comparisons"][0];
  EXPECT_EQ(comparison["alone"], 17);
  EXPECT_EQ(comparison["other"], 1);
  EXPECT_EQ(comparison["saturated"], 2);
}

// PyTorch from end to end (tools/golden/audit.py): which images have a gradient that is exactly zero, in float32 and in float64. The lead
// decides, and none of these lies within 1 of 104 or 745, where two programs may round differently.
TEST(GradientPresence, TheSameImagesAsInPyTorchHaveNoGradient) {
  const Json reference = testing::json_of(std::filesystem::path(KELVIN_GOLDEN_DIR) / "audit/reference.json");
  for (const Json& row : reference.at("gradients")) {
    const auto model = golden_model(row.at("scale").get<float>());
    const ImageSet set = golden_images(40);
    for (const auto& [precision, key] :
         {std::pair(SoftmaxPrecision::float32, "zero_float32"), std::pair(SoftmaxPrecision::float64, "zero_float64")}) {
      const GradientPresence found = gradient_presence(*model, set, options().attack, {precision, 1, false});
      EXPECT_EQ(found.is_zero, row.at(key).get<std::vector<std::uint8_t>>()) << key << " at " << row.at("scale");
    }
  }
}

// In float64 these eight images have a gradient that float32 has lost; its signs are those of a network that is float64 throughout. Where a
// pixel's gradient is small beside the others, float32 layers may turn its sign.
TEST(GradientPresence, AFloat64SoftmaxHasTheGradientOfAFloat64Network) {
  const auto folder = std::filesystem::path(KELVIN_GOLDEN_DIR) / "audit";
  const auto model = golden_model(50);
  const Victim victim(*model);
  std::vector<std::size_t> rows;
  for (const std::int64_t i : read_npy(folder / "images.npy").to_int()) rows.push_back(static_cast<std::size_t>(i));
  const ImageBatch batch = image_batch(golden_images(40), rows);
  const Answer a = float64_cross_entropy(victim, batch, batch.pixels, batch.labels, 1);
  const std::vector<std::int64_t> signs = read_npy(folder / "signs.npy").to_int();
  ASSERT_EQ(signs.size(), a.gradient.size());
  double equal = 0;
  for (std::size_t i = 0; i < signs.size(); ++i)
    equal += (a.gradient[i] > 0) - (a.gradient[i] < 0) == signs[i] - 1 ? 1 : 0;
  EXPECT_GE(equal / static_cast<double>(signs.size()), 0.999);
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
