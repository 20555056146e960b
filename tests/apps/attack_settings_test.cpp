// The defaults of attacks, the flags that an attack refuses, and how names of results differ with the settings.
#include <gmock/gmock.h>

#include <bit>

#include "apps/attacks/settings.h"
#include "tests/apps/golden_model.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using testing::golden_images;
using testing::golden_model;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::mistake_of;

TEST(AttackSettings, TheStepFollowsTheRadius) {
  const float eps = usual_eps(Norm::linf);
  EXPECT_EQ(eps, AttackOptions{}.eps);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(usual_step(eps)), std::bit_cast<std::uint32_t>(2.0f / 255.0f));
  EXPECT_EQ(usual_eps(Norm::l2), 0.5f);  // RobustBench, CIFAR-10
  EXPECT_EQ(usual_step(0.5f), 0.125f);
}

TEST(AttackSettings, FlagsWithoutAnEffectAreRefused) {
  const auto says = [](const char* flag, const char* attack, Norm norm = Norm::linf) {
    return mistake_of([&] { require_taken(flag, attack, norm); });
  };
  EXPECT_EQ(says("step", "square"), "--step: square has no use for it; it belongs to pgd, mifgsm, cw");
  EXPECT_EQ(says("search-steps", "cw"), "--search-steps: cw has no use for it; it belongs to cw in L2");
  EXPECT_THAT(says("steps", "fgsm"), HasSubstr("pgd, mifgsm, cw, apgd-ce"));
  EXPECT_THAT(says("step", "cw", Norm::l2), HasSubstr("cw in L-infinity"));
  EXPECT_THAT(says("version", "pgd"), HasSubstr("belongs to autoattack"));
  EXPECT_NO_THROW(require_taken("steps", "autoattack", Norm::linf));
  EXPECT_NO_THROW(require_taken("queries", "autoattack", Norm::linf));
  EXPECT_NO_THROW(require_taken("eps", "square", Norm::linf));
}

// One row of known_attacks.cpp defines everything about a name.
TEST(AttackSettings, ARowSaysWhatAnAttackIs) {
  EXPECT_EQ(attack_names(), (std::vector<std::string>{"fgsm", "pgd", "mifgsm", "cw", "apgd-ce", "apgd-dlr", "apgd-t",
                                                      "fab", "fab-t", "apgd-t+fab-t", "square", "random", "autoattack"}));
  const auto title = [](const AttackOptions& o) { return title_of(o); };
  EXPECT_EQ(title({.attack = "fgsm"}), "FGSM, ce, attack τ = 1");
  EXPECT_EQ(title({.attack = "pgd", .targeting = Targeting::all}), "PGD-20, ce, targeted all, attack τ = 1");
  EXPECT_EQ(title({.attack = "mifgsm", .loss = AttackLoss::margin}), "MI-FGSM-10, margin");
  EXPECT_EQ(title({.attack = "cw", .norm = Norm::l2}), "C&W, 1000 steps");
  EXPECT_EQ(title({.attack = "apgd-ce", .loss = AttackLoss::dlr}), "APGD-100, dlr, attack τ = 1");
  EXPECT_EQ(title({.attack = "fab"}), "FAB, 100 steps");
  EXPECT_EQ(title({.attack = "square"}), "Square, 5000 queries");
  EXPECT_EQ(title({.attack = "random"}), "random points, 5000 queries");
  EXPECT_EQ(title({.attack = "autoattack"}), "AutoAttack standard");
  EXPECT_THAT(mistake_of([&] { (void)title({.attack = "deepfool"}); }),
              HasSubstr("--attack deepfool is unknown; known: fgsm, pgd"));

  const auto model = golden_model();
  const auto says = [&](AttackOptions o) { return mistake_of([&] { (void)attack(*model, golden_images(1), o); }); };
  EXPECT_EQ(says({.attack = "fgsm", .targeting = Targeting::all}),
            "--targeted all: fgsm has no use for it; it belongs to pgd, mifgsm, cw");
  EXPECT_EQ(says({.attack = "fab", .targeting = Targeting::random}),
            "--targeted CLASS: fab has no use for it; it belongs to fgsm, pgd, mifgsm, cw");
}

TEST(AttackSettings, StepsThatCannotReachTheEdgeRaiseAWarning) {
  const AttackOptions usual;
  EXPECT_THAT(reach_warning(usual), IsEmpty());
  EXPECT_THAT(reach_warning({.eps = 0.5f, .pgd = {.step = 2.0f / 255, .steps = 20}}), HasSubstr("less than eps 0.5"));
  EXPECT_THAT(reach_warning({.eps = 0.031f, .pgd = {.step = 0.0031f, .steps = 10}}),
              IsEmpty());  // exactly there, to rounding
  EXPECT_THAT(reach_warning({.attack = "square", .eps = 0.5f, .pgd = {.step = 0, .steps = 1}}),
              IsEmpty());  // takes no steps
  const auto model = golden_model();
  const AttackResult r = attack(*model, golden_images(2), {.eps = 0.5f, .pgd = {.step = 0.001f, .steps = 2}});
  ASSERT_EQ(r.warnings.size(), 1u);
  EXPECT_EQ(
      r.warnings[0],
      "pgd: 2 steps of 0.001 go 0.002 far, less than eps 0.5: the ball's edge is out of reach, and the figure says "
      "little");
}

TEST(AttackSettings, ABallWiderThanThePixelsIsAMistakeInLInfinity) {
  const auto model = golden_model();
  AttackOptions o{.eps = 8, .pgd = {.steps = 1}};
  EXPECT_EQ(mistake_of([&] { (void)attack(*model, golden_images(1), o); }),
            "--eps 8: pixels are in [0, 1]; 8/255 was meant?");
  o.norm = Norm::l2;  // a distance: an image has many pixels
  EXPECT_NO_THROW((void)attack(*model, golden_images(1), o));
}

TEST(AttackSettings, NamesSayWhatIsNotUsual) {
  EXPECT_EQ(file_text(0.5f), "0.5");
  EXPECT_EQ(file_text(4.0f / 255), "4of255");
  EXPECT_EQ(file_text(0.031f), "0.031");
  EXPECT_EQ(file_text(1.0f), "1");
  EXPECT_EQ(unusual_settings({}), "");
  EXPECT_EQ(unusual_settings({.eps = 4.0f / 255, .pgd = {.step = 1.0f / 255, .steps = 50}}), "-eps4of255-steps50");
  EXPECT_EQ(unusual_settings({.seed = 2, .pgd = {.step = 0.003f, .restarts = 5}}), "-step0.003-restarts5-seed2");
  EXPECT_EQ(unusual_settings({.norm = Norm::l2, .eps = 0.5f, .pgd = {.step = 0.125f}}), "");
  EXPECT_EQ(unusual_settings(
                {.attack = "cw", .norm = Norm::l2, .eps = 0.5f, .cw_l2 = {.search_steps = 5, .learning_rate = 0.1f}}),
            "-search5-lr0.1");
  EXPECT_EQ(unusual_settings({.pgd = {.random_start = false, .last_iterate = true}}), "-no-random-start-last-iterate");
  // Settings that an attack does not read do not name it.
  EXPECT_EQ(unusual_settings({.attack = "square", .pgd = {.step = 0.5f, .steps = 3}, .square = {.queries = 100}}),
            "-queries100");
}

// Images of the target's own class are at the target without an attack.
TEST(AttackSettings, TheTargetIsReachedFromOtherClassesOnly) {
  AttackResult r;
  for (const auto& [label, found] : {std::pair(3, 3), std::pair(1, 3), std::pair(2, 2)}) {
    AttackedImage image;
    image.label = label;
    image.target = 3;
    image.adversarial_prediction = found;
    r.images.push_back(image);
  }
  EXPECT_DOUBLE_EQ(r.target_success_rate(), 0.5);
}

}  // namespace
}  // namespace kelvin
