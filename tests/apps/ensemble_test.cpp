// The guarantees of every attack: the ball and the box, the same result for any batch size, no effect of the logits' scale on attacks that
// follow margins; and tests of the parts with their own formulas.
#include "apps/attacks/ensemble.h"

#include <gmock/gmock.h>

#include <cmath>

#include "apps/attacks/apgd.h"
#include "apps/attacks/gradient_at_start.h"
#include "apps/attacks/known_attacks.h"
#include "apps/attacks/square.h"
#include "tests/apps/attack_options.h"
#include "tests/apps/golden_model.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::ElementsAre;
using testing::golden_images;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::mistake_of;
using testing::with_own;

constexpr std::int64_t kImages = 24;

AttackOptions options(const std::string& attack) {
  return with_own({.attack = attack, .eps = 4.0f / 255, .seed = 3, .batch_size = 24},
                  {{"steps", "15"}, {"queries", "150"}, {"targets", "4"}});
}

std::vector<int> robust_images(Model& model, const AttackOptions& o) {
  std::vector<int> robust;
  for (const AttackedImage& i : attack(model, golden_images(kImages), o).images)
    robust.push_back(i.is_robust() ? 1 : 0);
  return robust;
}

int differences(const std::vector<int>& a, const std::vector<int>& b) {
  int n = 0;
  for (std::size_t i = 0; i < a.size(); ++i) n += a[i] != b[i] ? 1 : 0;
  return n;
}

class EveryAttack : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryAttack, StaysInTheBallAndTheBoxAndHurts) {
  const auto model = golden_model();
  const AttackOptions o = options(GetParam());
  const AttackResult r =
      attack(*model, golden_images(kImages), o, [&](std::int64_t, const Tensor& clean, const Tensor& adversarial) {
        const auto x0 = clean.to_host<float>(), x = adversarial.to_host<float>();
        for (std::size_t i = 0; i < x.size(); ++i) {
          ASSERT_TRUE(x[i] >= 0 && x[i] <= 1) << x[i];
          ASSERT_LE(std::abs(static_cast<double>(x[i]) - static_cast<double>(x0[i])), static_cast<double>(o.eps));
        }
      });
  EXPECT_LT(r.robust_accuracy(), r.clean_accuracy());
  for (const AttackedImage& i : r.images) {
    EXPECT_EQ(i.is_robust(), i.is_clean_correct() && i.broken_by < 0);
    EXPECT_EQ(i.adversarial_margin > 0, i.adversarial_prediction == i.label);
  }
}

TEST_P(EveryAttack, DeterministicAndIndependentOfTheBatchSize) {
  const auto model = golden_model();
  AttackOptions o = options(GetParam());
  const std::vector<int> once = robust_images(*model, o);
  EXPECT_EQ(robust_images(*model, o), once);
  o.batch_size = 7;
  EXPECT_EQ(robust_images(*model, o), once);
}

INSTANTIATE_TEST_SUITE_P(All, EveryAttack,
                         ::testing::Values("mifgsm", "cw", "apgd-ce", "apgd-dlr", "apgd-t", "fab", "fab-t", "square",
                                           "autoattack"),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class ScaleFree : public ::testing::TestWithParam<std::string> {};

// 1/50, 10 and 100 are no powers of two: rounding differs, so one image of 24 on the boundary may have the other result.
TEST_P(ScaleFree, TheScaleOfTheLogitsChangesNothing) {
  const auto model = golden_model();
  AttackOptions o = options(GetParam());
  if (o.attack == "mifgsm") o.loss = AttackLoss::margin;
  const std::vector<int> robust = robust_images(*model, o);
  for (const float scale : {1.0f / 50, 10.0f, 100.0f}) {
    const auto scaled = golden_model(scale);
    EXPECT_LE(differences(robust_images(*scaled, o), robust), 1) << scale;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ScaleFree,
                         ::testing::Values("cw", "mifgsm", "apgd-dlr", "apgd-t", "fab-t", "square", "autoattack"),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Logits times 1000: cross-entropy has no gradient left. MI-FGSM divides by its mean and must not return NaN.
TEST(Ensemble, ZeroGradientsGiveNoNaNAndRaiseAWarning) {
  const auto model = golden_model(1000);
  const AttackResult r = attack(*model, golden_images(kImages), options("mifgsm"));
  EXPECT_GT(r.zero_gradient_fraction(), 0.5);
  EXPECT_LE(r.max_linf(), 4.0 / 255);
  ASSERT_FALSE(r.warnings.empty());
  EXPECT_THAT(r.warnings.back(), HasSubstr("exactly zero"));
  const AttackResult whole = attack(*model, golden_images(kImages), options("autoattack"));
  EXPECT_LT(whole.robust_accuracy(), r.robust_accuracy() - 0.1);  // APGD-T and FAB-T still have gradients
}

TEST(Ensemble, AutoAttackIsTheMinimumOverItsMembers) {
  const auto model = golden_model();
  const AttackResult whole = attack(*model, golden_images(kImages), options("autoattack"));
  ASSERT_EQ(whole.members.size(), 4u);
  std::int64_t standing = 0;
  for (const AttackedImage& i : whole.images) standing += i.is_clean_correct() ? 1 : 0;
  for (const MemberSummary& m : whole.members) {
    EXPECT_EQ(m.attacked, standing);  // only images that are still robust continue
    standing -= m.broken;
  }
  EXPECT_DOUBLE_EQ(whole.robust_accuracy(), whole.members.back().robust_accuracy);
  EXPECT_LE(whole.robust_accuracy(), attack(*model, golden_images(kImages), options("apgd-ce")).robust_accuracy());
}

TEST(Ensemble, ApgdTAndFabTAreTheMinimumOfBoth) {
  const auto model = golden_model();
  AttackOptions o = options("apgd-t");
  o.fab_t = {.steps = 15, .targets = 4};
  const AttackResult first = attack(*model, golden_images(kImages), o);
  o.attack = "apgd-t+fab-t";
  const AttackResult both = attack(*model, golden_images(kImages), o);
  ASSERT_EQ(both.members.size(), 2u);
  EXPECT_EQ(both.members[0].name, "apgd-t");
  EXPECT_EQ(both.members[1].name, "fab-t");
  EXPECT_EQ(both.members[0].robust_accuracy, first.robust_accuracy());
  for (std::size_t i = 0; i < both.images.size(); ++i)
    EXPECT_LE(both.images[i].is_robust(), first.images[i].is_robust()) << i;
}

TEST(Ensemble, AllTargetsWorstCaseIsNotWeakerThanOneTarget) {
  const auto model = golden_model();
  AttackOptions o = options("pgd");
  o.targeting = Targeting::second_most_likely;
  o.loss = AttackLoss::margin;
  o.pgd.random_start = false;
  const double one = attack(*model, golden_images(kImages), o).robust_accuracy();
  o.targeting = Targeting::all;
  EXPECT_LE(attack(*model, golden_images(kImages), o).robust_accuracy(), one);
}

// Batches of one hold one image at a time, the others lose images one after another.
TEST(Ensemble, AllTargetsDoNotDependOnTheBatchSize) {
  const auto model = golden_model();
  for (const char* name : {"pgd", "mifgsm"}) {
    AttackOptions o = with_own(options(name), {{"steps", "5"}});
    o.eps = 3.0f / 255;
    o.targeting = Targeting::all;
    const std::vector<int> whole = robust_images(*model, o);
    EXPECT_THAT(whole, ::testing::Contains(1));
    o.batch_size = 1;
    EXPECT_EQ(robust_images(*model, o), whole) << name;
    o.eps = 0;
    EXPECT_GT(differences(robust_images(*model, o), whole), 1) << name;
  }
}

// Without steps only the starts count: one for each of the nine other classes, as many restarts have.
TEST(Ensemble, AllTargetsHaveARunForEachOtherClass) {
  const auto model = golden_model();
  AttackOptions o = with_own(options("pgd"), {{"steps", "1"}, {"step", "0"}});
  o.eps = 0.2f;
  const std::vector<int> once = robust_images(*model, o);
  o.targeting = Targeting::all;
  const std::vector<int> all = robust_images(*model, o);
  EXPECT_GT(differences(all, once), 0);
  o.targeting = Targeting::none;
  o.pgd.restarts = 9;
  EXPECT_EQ(robust_images(*model, o), all);
}

// Both run one loop. The images are those that the model classifies correctly, so that both begin with the same batch.
TEST(Ensemble, CarliniWagnerInLInfinityIsPgdOnTheMargin) {
  const auto model = golden_model();
  ImageSet set = golden_images(kImages);
  const AttackResult clean = attack(*model, set, {.attack = "fgsm", .eps = 0});
  std::vector<std::int64_t> right;
  for (std::size_t i = 0; i < clean.images.size(); ++i)
    if (clean.images[i].is_clean_correct()) right.push_back(static_cast<std::int64_t>(i));
  ASSERT_GT(right.size(), 15u);
  set = set.select(right);
  const auto pixels = static_cast<std::size_t>(set.pixels());
  const auto found = [&](const AttackOptions& o, std::vector<float>& x) {
    return attack(*model, set, o, [&](std::int64_t, const Tensor&, const Tensor& adversarial) {
      const std::vector<float> batch = adversarial.to_host<float>();
      x.insert(x.end(), batch.begin(), batch.end());
    });
  };
  for (const auto& [targeting, eps] : {std::pair(Targeting::none, 4.0f), std::pair(Targeting::least_likely, 16.0f)}) {
    AttackOptions o{.attack = "cw", .eps = eps / 255, .targeting = targeting, .seed = 3, .batch_size = 10};
    o.cw.restarts = 2;
    std::vector<float> x_cw, x_pgd;
    const AttackResult cw = found(o, x_cw);
    o.attack = "pgd";
    o.loss = AttackLoss::margin;
    o.pgd = {.steps = 30, .restarts = 2};
    const AttackResult pgd = found(o, x_pgd);
    int broken = 0;
    for (std::size_t i = 0; i < right.size(); ++i) {
      EXPECT_EQ(cw.images[i].withstood(), pgd.images[i].withstood()) << i;
      if (cw.images[i].withstood()) continue;
      ++broken;
      EXPECT_TRUE(std::equal(&x_cw[i * pixels], &x_cw[i * pixels] + pixels, &x_pgd[i * pixels])) << i;
    }
    EXPECT_GT(broken, 2);
    EXPECT_LT(broken, static_cast<int>(right.size()));
  }
}

// Logits times 1000, cross-entropy: most images have no gradient, and momentum must not divide by its mean.
TEST(Ensemble, AnImageWithoutGradientStaysInPlaceUnderMomentum) {
  const auto model = golden_model(1000);
  const TensorBatch batch = tensor_batch(golden_images(kImages), 0, kImages, {});
  const RowLoss loss = loss_of(AttackLoss::cross_entropy, batch.labels, 1);
  const auto clean = describe_clean(batch, look(*model, batch.images, loss), {});
  for (const Norm norm : {Norm::linf, Norm::l2}) {
    const Tensor x = batch.images.clone();
    const Tensor momentum = Tensor::zeros(x.shape());
    for (int i = 0; i < 3; ++i)
      ascend(*model, x, batch.images, loss, norm, {.eps = 0.1f, .step = 0.02f, .decay = 1}, {}, Mode::eval, momentum);
    const std::vector<float> moved = distances(x, batch.images).linf;
    int stayed = 0;
    for (std::size_t i = 0; i < moved.size(); ++i) {
      EXPECT_EQ(moved[i] == 0, clean[i].has_zero_gradient) << i;
      stayed += moved[i] == 0 ? 1 : 0;
    }
    EXPECT_GT(stayed, kImages / 2);
    EXPECT_LT(stayed, kImages);
  }
}

class EveryL2Attack : public ::testing::TestWithParam<std::string> {};

// L2 norms are sums: they may exceed ε by float32 rounding.
TEST_P(EveryL2Attack, StaysInTheBallAndTheBoxForAnyBatchSizeAndHurts) {
  const auto model = golden_model();
  AttackOptions o = options(GetParam());
  o.norm = Norm::l2;
  o.eps = 0.5f;
  const AttackResult r = attack(*model, golden_images(kImages), o);
  EXPECT_LE(r.max_l2(), 0.5 * (1 + 1e-5));
  EXPECT_GE(r.lowest_pixel, 0.0f);
  EXPECT_LE(r.highest_pixel, 1.0f);
  EXPECT_EQ(r.not_finite, 0);
  EXPECT_LT(r.robust_accuracy(), r.clean_accuracy());
  std::vector<int> robust;
  for (const AttackedImage& i : r.images) robust.push_back(i.is_robust() ? 1 : 0);
  o.batch_size = 7;
  EXPECT_EQ(robust_images(*model, o), robust);
}

INSTANTIATE_TEST_SUITE_P(All, EveryL2Attack, ::testing::Values("mifgsm", "fab", "fab-t", "square", "autoattack"),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Corners of the ball are ε away in every pixel that the box does not limit, and an image that is found is adversarial.
TEST(Ensemble, RandomPointsAreCornersOfTheBall) {
  const auto model = golden_model();
  AttackOptions o = options("random");
  o.eps = 0.3f;
  o.random.queries = 5;
  bool has_found = false;
  const AttackResult r =
      attack(*model, golden_images(8), o, [&](std::int64_t, const Tensor& clean, const Tensor& adversarial) {
        const auto x0 = clean.to_host<float>(), x = adversarial.to_host<float>();
        for (std::size_t i = 0; i < x.size(); ++i)
          if (x[i] != x0[i]) {
            has_found = true;
            const double moved = std::abs(static_cast<double>(x[i]) - static_cast<double>(x0[i]));
            EXPECT_TRUE(moved <= static_cast<double>(o.eps) && (moved > 0.3 - 1e-6 || x[i] == 0 || x[i] == 1)) << moved;
          }
      });
  EXPECT_TRUE(has_found);  // noise of a third of the range fools this network
  for (const AttackedImage& i : r.images) EXPECT_EQ(i.is_robust(), i.is_clean_correct() && i.broken_by < 0);
}

TEST(Ensemble, FewClassesRaiseAWarning) {
  const auto model = golden_model();
  AttackOptions o = options("autoattack");
  o.autoattack.steps = o.autoattack.queries = 2;
  o.autoattack.targets = 12;
  const AttackResult r = attack(*model, golden_images(2), o);
  EXPECT_THAT(r.warnings, ::testing::Contains(HasSubstr("only 9 classes can be targets")));
}

TEST(Ensemble, WarningsOfFewClassesNameWhatRan) {
  std::vector<std::string> warnings;
  const auto names = [&](int classes) {
    warnings.clear();
    std::vector<std::string> list;
    for (const Member& m : known_attack("autoattack", Norm::linf).members({}, classes, warnings))
      list.push_back(m.name);
    return list;
  };
  EXPECT_THAT(names(2), ElementsAre("apgd-ce", "fab-t", "square"));
  EXPECT_THAT(warnings, ElementsAre("APGD-T was left out: it needs at least 4 classes",
                                    "only 1 class can be a target: FAB-T ran towards it"));
  (void)names(3);
  EXPECT_THAT(warnings, ElementsAre("APGD-T was left out: it needs at least 4 classes",
                                    "only 2 classes can be targets: FAB-T ran towards all of them"));
  EXPECT_THAT(names(4), ElementsAre("apgd-ce", "apgd-t", "fab-t", "square"));
  EXPECT_THAT(warnings, ElementsAre("only 3 classes can be targets: APGD-T and FAB-T ran towards all of them"));
}

TEST(Ensemble, CarliniWagnerL2FindsCloseImages) {
  const auto model = golden_model();
  AttackOptions o = options("cw");
  o.norm = Norm::l2;
  o.eps = 0.5f;
  o.cw_l2.steps = 40;
  o.cw_l2.search_steps = 5;
  o.cw_l2.learning_rate = 0.1f;  // black pixels sit where tanh is flat: a hundredth needs hundreds of steps to leave
  const AttackResult r = attack(*model, golden_images(6), o);
  int found = 0;
  for (const AttackedImage& i : r.images) {
    if (!i.is_clean_correct()) continue;
    found += i.minimal_distance > 0 ? 1 : 0;
    EXPECT_EQ(i.minimal_distance > 0 && i.minimal_distance <= o.eps, !i.is_robust());
    EXPECT_LE(i.l2, 0.5 * (1 + 1e-5));  // float32 rounding of the norm
  }
  EXPECT_GE(found, 3);  // an undefended model has an adversarial image near most images
}

TEST(Apgd, CheckpointsOfAHundredSteps) {
  EXPECT_THAT(apgd_checkpoints(100), ElementsAre(22, 41, 57, 70, 80, 87, 93, 99));
}

TEST(Square, SidesOfTheAuthorsSchedule) {
  std::vector<std::int64_t> sides;
  for (const int i : {0, 11, 51, 201, 501, 1001, 2001, 4001}) sides.push_back(square_side(Norm::linf, 0.8f, i, 32, 32));
  EXPECT_THAT(sides, ElementsAre(29, 20, 14, 10, 7, 5, 4, 3));
  sides.clear();
  for (const int i : {0, 11, 51, 201, 501, 1001, 2001, 4001}) sides.push_back(square_side(Norm::l2, 0.8f, i, 32, 32));
  EXPECT_THAT(sides, ElementsAre(29, 21, 15, 11, 7, 5, 5, 3));  // odd, at least 3
  EXPECT_EQ(square_side(Norm::l2, 0.8f, 0, 4, 4), 4);           // and no larger than the image
}

TEST(Ensemble, Mistakes) {
  const auto model = golden_model();
  const auto says = [&](auto change) {
    AttackOptions o = options("apgd-t");
    change(o);
    return mistake_of([&] { (void)attack(*model, golden_images(4), o); });
  };
  EXPECT_THAT(says([](AttackOptions& o) { o.pgd.last_iterate = true, o.pgd.restarts = 2, o.attack = "pgd"; }),
              HasSubstr("--last-iterate"));
  EXPECT_THAT(says([](AttackOptions& o) { o.targeting = Targeting::random; }), HasSubstr("--targeted"));
  EXPECT_THAT(says([](AttackOptions& o) { o.attack = "cw", o.norm = Norm::l2, o.targeting = Targeting::all; }),
              HasSubstr("L-infinity"));
  EXPECT_THAT(says([](AttackOptions& o) { o.attack = "autoattack", o.autoattack.version = "fast"; }),
              HasSubstr("standard, plus"));
  EXPECT_THAT(says([](AttackOptions& o) { o.attack = "square", o.square.queries = 0; }), HasSubstr("--queries"));
}

}  // namespace
}  // namespace kelvin
