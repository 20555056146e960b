#include "apps/attacks/attack.h"

#include <gmock/gmock.h>

#include <cmath>

#include "apps/training/train.h"
#include "engine/checkpoint.h"
#include "kernels/arrays/elementwise.h"
#include "tests/apps/attack_options.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;
using testing::with_own;

// A small residual network trained for a moment, shared by the tests of this file.
class AttackTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("kelvin-attack-" + std::to_string(getpid()));
    data_ = new Dataset(load_dataset("synthetic:train=1024,test=150,size=8,classes=5,overlap=0.01", {.seed = 2}));
    TrainOptions o;
    o.model = "resnet8";
    o.epochs = 4;
    o.batch_size = 64;
    o.lr.base = 0.05;
    const RunFolder folder{path};
    folder.create();
    (void)train(o, *data_, folder, {}, {});
    const SafetensorsFile file = open_checkpoint(folder);
    trained_ = new TrainedModel(build_trained_model(file, run_info_from(file), {}));
    std::filesystem::remove_all(path);
  }
  static void TearDownTestSuite() {
    delete trained_;
    delete data_;
  }
  static Model& model() { return *trained_->model; }
  static const ImageSet& test_set() { return data_->test; }
  static AttackOptions options(AttackLoss loss) {
    AttackOptions o;
    o.eps = 0.03f;
    o.pgd.step = 0.008f;
    o.pgd.steps = 10;
    o.loss = loss;
    o.seed = 1;
    return o;
  }
  // Multiplies the logits by s for the life of the object: a change that moves no decision boundary.
  class ScaledLogits {
   public:
    explicit ScaledLogits(float s) : factor_(s) { apply(s); }
    ~ScaledLogits() { apply(1 / factor_); }

   private:
    static void apply(float s) {
      for (const Parameter* p : {&model().prototypes(), &model().prototype_bias()})
        scale(Cpu{}, p->value.view<float>(), s);
    }
    float factor_;
  };

  static Dataset* data_;
  static TrainedModel* trained_;
};
Dataset* AttackTest::data_ = nullptr;
TrainedModel* AttackTest::trained_ = nullptr;

TEST_F(AttackTest, StaysInsideMovesNoStatisticsAndHurts) {
  std::vector<std::vector<float>> before;
  for (const Parameter& b : model().parameters().buffers()) before.push_back(b.value.to_host<float>());
  for (const Norm norm : {Norm::linf, Norm::l2}) {
    AttackOptions o = options(AttackLoss::cross_entropy);
    o.norm = norm;
    if (norm == Norm::l2) o.eps = 0.3f, o.pgd.step = 0.08f;
    float lowest = 1, highest = 0;
    const AttackResult r =
        attack(model(), test_set(), o, [&](std::int64_t, const Tensor& clean, const Tensor& adversarial) {
          const auto x0 = clean.to_host<float>(), x = adversarial.to_host<float>();
          for (std::size_t i = 0; i < x.size(); ++i) {
            lowest = std::min(lowest, x[i]);
            highest = std::max(highest, x[i]);
            if (norm == Norm::linf) {
              ASSERT_LE(std::abs(static_cast<double>(x[i]) - static_cast<double>(x0[i])), static_cast<double>(o.eps));
            }
          }
        });
    EXPECT_GE(lowest, 0.0f);
    EXPECT_LE(highest, 1.0f);
    if (norm == Norm::l2) {
      EXPECT_LE(r.max_l2(), o.eps * (1 + 1e-5));  // float32 rounding
    }
    EXPECT_LT(r.robust_accuracy(), r.clean_accuracy() - 0.1);
    EXPECT_GT(r.mean_displacement(), o.norm == Norm::linf ? o.eps / 2 : 0.01f);
  }
  std::size_t i = 0;
  for (const Parameter& b : model().parameters().buffers())
    EXPECT_EQ(b.value.to_host<float>(), before[i++]) << b.spec.name;
}

TEST_F(AttackTest, DeterministicBySeedAndIndependentOfTheBatchSize) {
  AttackOptions o = options(AttackLoss::log_odds);
  const auto predictions = [&](std::uint64_t seed, int batch) {
    o.seed = seed;
    o.batch_size = batch;
    std::vector<std::int32_t> p;
    for (const AttackedImage& i : attack(model(), test_set(), o).images) p.push_back(i.adversarial_prediction);
    return p;
  };
  EXPECT_EQ(predictions(1, 64), predictions(1, 64));
  EXPECT_EQ(predictions(1, 64), predictions(1, 37));
}

TEST_F(AttackTest, BestIterateIsNeverWorseThanTheCleanImage) {
  AttackOptions o = options(AttackLoss::cross_entropy);
  o.pgd.steps = 1;
  o.pgd.step = 1e-6f;
  const AttackResult r = attack(model(), test_set(), o);
  for (const AttackedImage& i : r.images)
    if (!i.is_clean_correct()) {
      EXPECT_EQ(i.adversarial_prediction, i.clean_prediction);  // already a success: x itself is kept
    }
  EXPECT_LE(r.robust_accuracy(), r.clean_accuracy());
}

TEST_F(AttackTest, MoreRestartsAreNotWeaker) {
  AttackOptions one = options(AttackLoss::margin), three = one;
  three.pgd.restarts = 3;
  EXPECT_LE(attack(model(), test_set(), three).robust_accuracy(), attack(model(), test_set(), one).robust_accuracy());
}

// Logits times 1000: the same classifier, but float32 cross-entropy has no gradient. Margin attacks are not affected.
TEST_F(AttackTest, SaturationBlindsCrossEntropyOnly) {
  const double margin = attack(model(), test_set(), options(AttackLoss::margin)).robust_accuracy();
  const AttackResult plain = attack(model(), test_set(), options(AttackLoss::cross_entropy));
  EXPECT_EQ(plain.zero_gradient_fraction(), 0);
  const ScaledLogits scaled(1000);
  const AttackResult blind = attack(model(), test_set(), options(AttackLoss::cross_entropy));
  EXPECT_GT(blind.zero_gradient_fraction(), 0.8);
  EXPECT_GT(blind.robust_accuracy(), plain.robust_accuracy() + 0.1);
  EXPECT_NEAR(blind.clean_accuracy(), plain.clean_accuracy(), 1e-12);
  // Scaling by 1000 is not a power of two: a few sign decisions on rounding noise may differ.
  EXPECT_NEAR(attack(model(), test_set(), options(AttackLoss::margin)).robust_accuracy(), margin, 0.02);
  const AttackResult lo = attack(model(), test_set(), options(AttackLoss::log_odds));
  EXPECT_EQ(lo.zero_gradient_fraction(), 0);
  EXPECT_NEAR(lo.robust_accuracy(), margin, 0.03);  // at this scale log-odds is the margin loss
  AttackOptions at_tau = options(AttackLoss::cross_entropy);
  at_tau.attack_tau = 1000;
  EXPECT_NEAR(attack(model(), test_set(), at_tau).robust_accuracy(), plain.robust_accuracy(), 0.02);
}

TEST_F(AttackTest, TargetsFollowTheirRules) {
  AttackOptions o = options(AttackLoss::cross_entropy);
  o.eps = 0.2f;
  o.pgd.step = 0.02f;
  o.pgd.steps = 20;
  o.targeting = Targeting::fixed;
  o.target_class = 3;
  const AttackResult fixed = attack(model(), test_set(), o);
  for (const AttackedImage& i : fixed.images) EXPECT_EQ(i.target, 3);
  EXPECT_GT(fixed.target_success_rate(), 0.9);  // a ball this wide holds every class
  for (const Targeting rule : {Targeting::random, Targeting::least_likely}) {
    o.targeting = rule;
    const AttackResult r = attack(model(), test_set(), o);
    for (const AttackedImage& i : r.images) {
      EXPECT_NE(i.target, i.label);
      EXPECT_TRUE(i.target >= 0 && i.target < 5);
    }
    EXPECT_GT(r.target_success_rate(), 0.5);
  }
}

TEST_F(AttackTest, MomentumAndCarliniWagnerFollowTargetsToo) {
  AttackOptions o = options(AttackLoss::cross_entropy);
  for (const auto& [name, norm, eps] :
       {std::tuple{"mifgsm", Norm::linf, 0.2f}, std::tuple{"cw", Norm::linf, 0.2f}, std::tuple{"cw", Norm::l2, 2.0f}}) {
    o.attack = name;
    o.norm = norm;
    o.eps = eps;
    o = with_own(o, {{"steps", "20"}, {"step", "0.02"}, {"search-steps", "5"}, {"cw-lr", "0.1"}});
    for (const Targeting rule : {Targeting::fixed, Targeting::least_likely, Targeting::second_most_likely}) {
      o.targeting = rule;
      o.target_class = 3;
      const AttackResult r = attack(model(), test_set(), o);
      EXPECT_GT(r.target_success_rate(), 0.8)
          << name << (norm == Norm::l2 ? " L2" : "");  // a ball this wide holds every class
      for (const AttackedImage& i : r.images) {
        EXPECT_TRUE(rule == Targeting::fixed ? i.target == 3 : i.target != i.label);
        EXPECT_EQ(i.broken_by == 0, i.clean_prediction != i.target && i.adversarial_prediction == i.target);
      }
    }
  }
}

// Towards a target everything that counts is the target: reaching a third class is no success.
TEST_F(AttackTest, ATargetIsHarderToReachThanAnyOtherClass) {
  AttackOptions o = options(AttackLoss::cross_entropy);
  for (const char* name : {"pgd", "mifgsm", "cw"}) {
    o.attack = name;
    o = with_own(o, {{"steps", "10"}, {"step", "0.008"}});
    o.targeting = Targeting::none;
    const double fooled = 1 - attack(model(), test_set(), o).robust_accuracy();
    o.targeting = Targeting::least_likely;
    EXPECT_LT(attack(model(), test_set(), o).target_success_rate(), fooled) << name;
  }
}

// No image is left: the images that were fooled stopped where they were, and all leave before the last step.
TEST_F(AttackTest, FinishedImagesStopWhereTheyAre) {
  AttackOptions o = options(AttackLoss::margin);
  o.eps = 0.5f;
  o.pgd.step = 0.02f;
  o.pgd.steps = 100;
  const AttackResult r = attack(model(), test_set(), o);
  ASSERT_EQ(r.robust_accuracy(), 0);
  EXPECT_GT(r.mean_displacement(), 0);
  EXPECT_LT(r.mean_displacement(), o.eps / 2);
  for (const AttackedImage& i : r.images) {
    EXPECT_NE(i.adversarial_prediction, i.label);
    if (!i.is_clean_correct()) {
      EXPECT_EQ(i.linf, 0);
    }
  }
  // Restarts without remaining images change nothing.
  AttackOptions more = o;
  more.pgd.restarts = 3;
  EXPECT_EQ(attack(model(), test_set(), more).mean_displacement(), r.mean_displacement());
  o.pgd.last_iterate = true;
  EXPECT_GT(attack(model(), test_set(), o).mean_displacement(), o.eps / 2);
}

TEST_F(AttackTest, FgsmIsOneStepOfSizeEps) {
  AttackOptions o = options(AttackLoss::cross_entropy);
  o.attack = "fgsm";
  const AttackResult r = attack(model(), test_set(), o);
  EXPECT_LE(r.max_linf(), o.eps);
  EXPECT_GE(r.robust_accuracy(),
            attack(model(), test_set(), options(AttackLoss::cross_entropy)).robust_accuracy() - 0.02);
}

TEST_F(AttackTest, Mistakes) {
  const auto says = [](auto change) {
    AttackOptions o = options(AttackLoss::cross_entropy);
    change(o);
    return mistake_of([&] { (void)attack(model(), test_set(), o); });
  };
  EXPECT_THAT(says([](AttackOptions& o) { o.attack = "cw2"; }), HasSubstr("known: fgsm, pgd, mifgsm, cw"));
  EXPECT_THAT(says([](AttackOptions& o) { o.eps = -1; }), HasSubstr("--eps"));
  EXPECT_THAT(says([](AttackOptions& o) { o.attack_tau = 0; }), HasSubstr("--attack-tau"));
  EXPECT_THAT(says([](AttackOptions& o) { o.targeting = Targeting::fixed, o.target_class = 5; }),
              HasSubstr("classes are 0 to 4"));
}

}  // namespace
}  // namespace kelvin
