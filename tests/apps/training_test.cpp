// Training end to end on small synthetic sets: the reparametrisation theorem, resuming, divergence, determinism.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "apps/evaluation/evaluate.h"
#include "apps/training/train.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;

Dataset toy(int channels = 1) {
  return load_dataset("synthetic:train=512,test=200,size=8,classes=5,channels=" + std::to_string(channels),
                      {.seed = 1});
}

TrainOptions toy_options(double tau, const std::string& model = "mlp") {
  TrainOptions o;
  o.model = model;
  o.epochs = 3;
  o.batch_size = 64;
  o.tau = {.start = tau, .end = tau};
  o.lr = {.kind = LearningRateSchedule::Kind::cosine, .base = 0.05};
  o.optimizer.weight_decay = 5e-4f;
  o.log_every = 2;
  return o;
}

TrainReport run(const TrainOptions& o, const Dataset& data, const std::filesystem::path& folder) {
  const RunFolder f{folder};
  f.create();
  return train(o, data, f, {}, {});
}

std::vector<float> logits_of(const std::filesystem::path& folder, const ImageSet& set) {
  const SafetensorsFile file = open_checkpoint({folder});
  return predict(*build_trained_model(file, run_info_from(file), {}).model, set, 64).logits;
}

// ‖a − b‖ / ‖b‖
double relative(const std::vector<float>& a, const std::vector<float>& b) {
  double above = 0, below = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    above += std::pow(static_cast<double>(a[i]) - b[i], 2);
    below += static_cast<double>(b[i]) * b[i];
  }
  return std::sqrt(above / below);
}

// Training at τ is training at τ = 1 with the head at W₀/τ, its data gradient over τ², and logits times τ afterwards (SGD with
// momentum and weight decay). The two runs round differently; 24 steps amplify that a little.
TEST(Training, ReparametrisationTheorem) {
  TemporaryFolder folder;
  const Dataset data = toy();
  for (const double tau : {10.0, 0.5, 64.0}) {
    TrainOptions o = toy_options(tau);
    const std::string name = std::to_string(tau);
    run(o, data, folder / ("tau" + name));
    o.reparametrize = true;
    run(o, data, folder / ("control" + name));
    o.reparametrize = false;
    o.tau.start = o.tau.end = 1;
    run(o, data, folder / ("plain" + name));
    const auto z = logits_of(folder / ("tau" + name), data.test),
               control = logits_of(folder / ("control" + name), data.test);
    EXPECT_LT(relative(control, z), 1e-5) << "tau " << tau;
    EXPECT_GT(relative(logits_of(folder / ("plain" + name), data.test), z), 0.1) << "the theorem would hold trivially";
  }
}

// The control's two halves by flags of their own: the head's start at W₀/τ and its rate over τ². Without weight decay, which follows the rate.
TEST(Training, StartAndRateOfTheHeadAreTheReparametrisation) {
  TemporaryFolder folder;
  const Dataset data = toy();
  for (const double tau : {10.0, 0.5}) {
    TrainOptions o = toy_options(tau);
    o.optimizer.weight_decay = 0;
    o.reparametrize = true;
    const auto trained = [&](const std::string& name) {
      run(o, data, folder / (name + std::to_string(tau)));
      return logits_of(folder / (name + std::to_string(tau)), data.test);
    };
    const auto times_tau = [&](std::vector<float> z) {
      for (float& v : z) v *= static_cast<float>(tau);
      return z;
    };
    const auto control = trained("control");
    o.reparametrize = false;
    o.tau.start = o.tau.end = 1;
    o.choice.head_init_scale = static_cast<float>(1 / tau);
    const auto start = trained("start");
    o.fine_tuning.head_lr_scale = static_cast<float>(1 / (tau * tau));
    const auto both = trained("both");
    o.choice.head_init_scale = 1;
    const auto rate = trained("rate");
    EXPECT_LT(relative(times_tau(both), control), 1e-5) << "tau " << tau;
    EXPECT_GT(relative(times_tau(start), control), 0.1) << "the rate would have no part in it, tau " << tau;
    EXPECT_GT(relative(times_tau(rate), control), 0.1) << "the start would have no part in it, tau " << tau;
  }
}

TEST(Training, LearnsAndIsDeterministic) {
  TemporaryFolder folder;
  const Dataset data = toy();
  const TrainReport a = run(toy_options(1), data, folder / "a");
  run(toy_options(1), data, folder / "b");
  EXPECT_GT(a.accuracy, 0.9);
  EXPECT_EQ(logits_of(folder / "a", data.test), logits_of(folder / "b", data.test));
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A run that is killed in the middle of an epoch and resumed must end with the same tensors as an undisturbed one, byte for byte. BatchNorm,
// momentum, shuffling and augmentation are all used.
TEST(Training, ResumeAfterKillEqualsUninterrupted) {
  TemporaryFolder folder;
  const Dataset data = toy(3);
  TrainOptions o = toy_options(10, "resnet8");
  o.augment = Augment::cutout;
  run(o, data, folder / "whole");

  // The kill: stop from inside the progress callback, in epoch 2, without any clean-up by the trainer.
  struct Killed {};
  const RunFolder part{folder / "part"};
  part.create();
  EXPECT_THROW((void)train(o, data, part, {},
                           [](std::int64_t done, std::int64_t total, const std::string&) {
                             if (done * 2 >= total) throw Killed{};
                           }),
               Killed);
  ASSERT_NE(read(part.checkpoint()), read(RunFolder{folder / "whole"}.checkpoint()));
  o.resume = true;
  o.resident = true;  // the pixels on the device: the same images
  const TrainReport resumed = train(o, data, part, {}, {});
  EXPECT_GT(resumed.accuracy, 0);
  const SafetensorsFile whole = open_checkpoint({folder / "whole"}), again = open_checkpoint(part);
  ASSERT_EQ(whole.tensors.size(), again.tensors.size());
  for (const auto& [name, t] : whole.tensors) {
    EXPECT_EQ(elements_of(t), elements_of(again.tensors.at(name))) << name;
  }
  // Metrics: every step once, in order.
  std::istringstream lines(read(part.metrics()));
  std::int64_t last = 0;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line);
    if (json["kind"] != "step") continue;
    EXPECT_EQ(json["step"].get<std::int64_t>(), last + 2);
    last = json["step"];
  }
  EXPECT_EQ(last, 24);
}

TEST(Training, DivergenceIsAResult) {
  TemporaryFolder folder;
  const Dataset data = toy();
  TrainOptions o = toy_options(0.01);
  o.lr.base = 1e6;
  const TrainReport report = run(o, data, folder / "run");
  ASSERT_TRUE(report.divergence.has_value());
  EXPECT_GT(report.divergence->step, 0);
  EXPECT_EQ(report.divergence->tau, 0.01);
  EXPECT_THAT(read(folder / "run/metrics.jsonl"), HasSubstr("\"diverged\""));
  for (const float v : logits_of(folder / "run", data.test)) ASSERT_TRUE(std::isfinite(v));  // the last good checkpoint
}

// The loss of the only step belongs to the weights before it; no loss is computed with the weights after it.
TEST(Training, WeightsThatTheLastUpdateOverflowedAreADivergence) {
  TemporaryFolder folder;
  const Dataset data = load_dataset("synthetic:train=64,test=20,size=8,classes=5,channels=1", {.seed = 1});
  TrainOptions o = toy_options(0.01);
  o.epochs = 1;
  o.lr.base = 1e38;
  const TrainReport report = run(o, data, folder / "run");
  ASSERT_TRUE(report.divergence.has_value());
  EXPECT_EQ(report.divergence->step, 1);
  EXPECT_TRUE(std::isfinite(report.divergence->loss));
  for (const float v : logits_of(folder / "run", data.test)) ASSERT_TRUE(std::isfinite(v));
}

TEST(Training, TemperatureScheduleAndLrTimesTauReachTheMetrics) {
  TemporaryFolder folder;
  TrainOptions o = toy_options(8);
  o.tau = {.kind = TemperatureSchedule::Kind::linear, .start = 8, .end = 2};
  o.lr = {.kind = LearningRateSchedule::Kind::constant, .base = 0.01};
  o.lr_times_tau = true;
  run(o, toy(), folder / "run");
  std::istringstream lines(read(folder / "run/metrics.jsonl"));
  std::string line;
  std::getline(lines, line);
  const Json first = Json::parse(line);  // after two of the eight steps of epoch 0: e = 1/8
  EXPECT_NEAR(first["tau"].get<double>(), 8 - 6 * (1.0 / 8) / 3, 1e-12);
  EXPECT_NEAR(first["lr"].get<double>(), 0.01 * first["tau"].get<double>(), 1e-12);
}

TEST(Training, MistakesAreNamedBeforeAnythingIsWritten) {
  const auto says = [](auto change) {
    TrainOptions o = toy_options(1);
    change(o);
    return mistake_of([&] { check_options(o); });
  };
  EXPECT_THAT(says([](TrainOptions& o) { o.tau.start = 0; }), HasSubstr("--tau must be > 0"));
  EXPECT_THAT(says([](TrainOptions& o) { o.tau.start = -3; }), HasSubstr("--tau must be > 0"));
  EXPECT_THAT(says([](TrainOptions& o) { o.tau.start = std::nan(""); }), HasSubstr("--tau must be > 0"));
  EXPECT_THAT(says([](TrainOptions& o) { o.epochs = 0; }), HasSubstr("--epochs"));
  EXPECT_THAT(says([](TrainOptions& o) { o.lr.base = std::numeric_limits<double>::infinity(); }), HasSubstr("--lr"));
}

// Weights that were kept are those a shorter run ends with, at a constant learning rate.
TEST(Training, KeptCheckpointsAreTheWeightsOfTheirEpoch) {
  const TemporaryFolder folder;
  const Dataset data = toy();
  TrainOptions o = toy_options(2);
  o.lr.kind = LearningRateSchedule::Kind::constant;
  o.keep = kept_epochs_of("0,2");
  (void)run(o, data, folder / "three");
  const RunFolder three{folder / "three"};
  EXPECT_EQ(three.kept_epochs(), (std::vector<std::uint32_t>{0, 2}));
  o.epochs = 2;
  o.keep = kept_epochs_of("all");
  (void)run(o, data, folder / "two");
  EXPECT_EQ((RunFolder{folder / "two"}).kept_epochs(), (std::vector<std::uint32_t>{0, 1, 2}));
  const SafetensorsFile kept = read_safetensors(three.kept_checkpoint(2));
  EXPECT_EQ(run_info_from(kept).trained_images, data.train.count);
  EXPECT_EQ(predict(*build_trained_model(kept, run_info_from(kept), {}).model, data.test, 64).logits,
            logits_of(folder / "two", data.test));
  EXPECT_THAT(mistake_of([] { (void)kept_epochs_of("1,x"); }), HasSubstr("got '1,x'"));
  o.keep = kept_epochs_of("5");
  EXPECT_THAT(mistake_of([&] { check_options(o); }), HasSubstr("ends after epoch 2"));
}

}  // namespace
}  // namespace kelvin
