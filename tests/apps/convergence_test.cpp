// A training that has not converged is told, and a healthy one is not.
#include "apps/training/convergence.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "engine/json_text.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using Reason = NonConvergence::Reason;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

// 100 lines of 5 steps; f(progress in (0, 1]) gives loss and accuracy.
std::vector<LoggedSteps> log_of(const auto& f) {
  std::vector<LoggedSteps> logged;
  for (int i = 1; i <= 100; ++i) {
    const auto [loss, accuracy] = f(i / 100.0);
    logged.push_back({5 * i, loss, accuracy});
  }
  return logged;
}

std::optional<Reason> reason(const std::vector<LoggedSteps>& logged, const ConvergenceQuestion& q = {}) {
  const auto n = judge_convergence(logged, q);
  return n ? std::optional(n->reason) : std::nullopt;
}

double wave(double progress) { return std::sin(200 * progress); }

TEST(Convergence, HealthyTrainingsAreSilent) {
  // an exponential fall with noise
  EXPECT_FALSE(reason(log_of([](double p) { return std::pair(0.3 + 2 * std::exp(-5 * p) + 0.05 * wave(p), 0.9); })));
  // a loss near zero that wobbles by half of itself
  EXPECT_FALSE(reason(log_of([](double p) { return std::pair(0.01 * (1 + 0.5 * wave(p)), 0.999); })));
  // tau = 0.1 with its rate, after few steps: far above ln 10, and falling
  EXPECT_FALSE(reason(log_of([](double p) { return std::pair(40 * std::exp(-3 * p), 0.26); })));
  // TRADES after three epochs: its objective is no cross-entropy
  EXPECT_FALSE(
      reason(log_of([](double) { return std::pair(2.35, 0.4); }), {.judges_loss = false, .test_accuracy = {}}));
  // training images that the attack leaves at chance, while the test images are classified
  EXPECT_FALSE(
      reason(log_of([](double) { return std::pair(2.0, 0.1); }), {.judges_loss = false, .test_accuracy = 0.6}));
  // too few steps to judge
  EXPECT_FALSE(reason({{10, 20, 0.1}, {20, 20, 0.1}, {30, 20, 0.1}}));
  EXPECT_FALSE(reason({}));
}

TEST(Convergence, EachRuleFindsItsCase) {
  EXPECT_EQ(reason(log_of([](double) { return std::pair(17.0, 0.02); })), Reason::chance);
  EXPECT_EQ(reason(log_of([](double) { return std::pair(2.303, 0.108); })), Reason::chance);
  EXPECT_EQ(reason(log_of([](double) { return std::pair(2.3, 0.1); }), {.judges_loss = false, .test_accuracy = 0.1}),
            Reason::chance);
  EXPECT_EQ(reason(log_of([](double p) { return std::pair(4 + wave(p), 0.4); })), Reason::loss);
  EXPECT_EQ(reason(log_of([](double p) { return std::pair(p > 0.75 ? 0.9 : 0.4, p > 0.75 ? 0.6 : 0.85); })),
            Reason::rising);
}

TEST(Convergence, ALastQuarterThatIsNotOnFileIsNotJudged) {
  std::vector<LoggedSteps> logged = log_of([](double) { return std::pair(17.0, 0.02); });
  logged.erase(logged.begin() + 10, logged.end() - 1);  // one line stands for 445 of 500 steps
  EXPECT_FALSE(reason(logged));
}

// A steady fall has none at any scale; a loss that doubles and halves in turn bends by 2 ln 2 at every line.
TEST(LossRoughness, MeasuresBendsOfTheLogarithm) {
  EXPECT_NEAR(loss_roughness(log_of([](double p) { return std::pair(20 * std::exp(-5 * p), 0.5); })), 0, 1e-12);
  std::vector<LoggedSteps> jumping = log_of([](double) { return std::pair(1.0, 0.5); });
  for (std::size_t i = 0; i < jumping.size(); i += 2) jumping[i].loss = 2;
  EXPECT_NEAR(loss_roughness(jumping), 2 * std::log(2.0), 1e-12);
  for (LoggedSteps& l : jumping) l.loss *= 0.01;
  EXPECT_NEAR(loss_roughness(jumping), 2 * std::log(2.0), 1e-12);
  jumping.resize(2);
  EXPECT_TRUE(std::isnan(loss_roughness(jumping)));
}

// 4 classes
TrainOptions options(double lr, double tau) {
  TrainOptions o;
  o.data = "synthetic";
  o.model = "resnet8";  // its BatchNorm keeps the numbers finite
  o.epochs = 6;
  o.batch_size = 32;
  o.tau = {.start = tau, .end = tau};
  o.lr = {.kind = LearningRateSchedule::Kind::constant, .base = lr};
  o.optimizer.weight_decay = 0;
  o.log_every = 4;
  return o;
}

TrainReport trained(const TrainOptions& o, const RunFolder& run) {
  run.create();
  return train(o, load_dataset("synthetic:train=512,test=100,size=8,classes=4", {.seed = 1}), run, {}, {});
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Convergence, ATrainingTellsItInReportAndMetrics) {
  TemporaryFolder folder;
  const RunFolder good{folder / "good"}, bad{folder / "bad"};
  EXPECT_FALSE(trained(options(0.05, 1), good).not_converged);
  EXPECT_EQ(count_of(good.read_text(good.metrics()), "not_converged"), 0u);

  TrainOptions o = options(2, 0.1);
  const TrainReport report = trained(o, bad);
  ASSERT_FALSE(report.divergence) << "the case must end without NaN";
  ASSERT_TRUE(report.not_converged);
  EXPECT_EQ(report.not_converged->lr, 2);
  EXPECT_EQ(report.not_converged->tau, 0.1);
  EXPECT_EQ(to_json(report, o, bad).at("not_converged").at("lr_over_tau"), 20);
  EXPECT_THAT(text_of(*report.not_converged, "synthetic", "mlp").with("--"),
              HasSubstr("--preset lr-boundary --grid tau=0.1"));
  EXPECT_EQ(count_of(bad.read_text(bad.metrics()), "not_converged"), 1u);

  // A run that goes on writes a new line in the place of the old one.
  o.resume = true;
  o.epochs = 8;
  EXPECT_TRUE(trained(o, bad).not_converged);
  EXPECT_EQ(count_of(bad.read_text(bad.metrics()), "not_converged"), 1u);
}

}  // namespace
}  // namespace kelvin
