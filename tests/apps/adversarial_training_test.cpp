// Adversarial training: more robust than plain training, the log shows when the inner attack has no gradient, resumed equals uninterrupted.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <span>

#include "apps/attacks/attack.h"
#include "apps/training/inner_attack.h"
#include "apps/training/train.h"
#include "engine/checkpoint.h"
#include "tests/apps/golden_model.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using testing::TemporaryFolder;

Dataset gaussian_classes() {
  return load_dataset("synthetic:train=192,test=50,size=8,classes=5,overlap=0.01", {.seed = 2});
}

TrainOptions options(bool is_adversarial) {
  TrainOptions o;
  o.model = "resnet8";
  o.epochs = 4;
  o.batch_size = 64;
  o.lr.base = 0.05;
  o.adversarial = {.kind = is_adversarial ? AdversarialOptions::Kind::pgd : AdversarialOptions::Kind::none,
                   .eps = 0.03f,
                   .step = 0.01f,
                   .steps = 5};
  return o;
}

double robust_accuracy(const RunFolder& run, const ImageSet& set) {
  const SafetensorsFile file = open_checkpoint(run);
  const TrainedModel trained = build_trained_model(file, run_info_from(file), {});
  AttackOptions o;
  o.eps = 0.03f;
  o.pgd.step = 0.006f;
  o.loss = AttackLoss::margin;
  return attack(*trained.model, set, o).robust_accuracy();
}

Json last_epoch(const RunFolder& run) {
  std::ifstream in(run.metrics());
  Json last;
  for (std::string line; std::getline(in, line);)
    if (const Json json = Json::parse(line); json.at("kind") == "epoch") last = json;
  return last;
}

// Fine-tuning a trained network on a hundred images, with and without the attack, and attacking those images.
TEST(AdversarialTraining, MakesTheModelMoreRobust) {
  const TemporaryFolder folder;
  const nlohmann::json reference = testing::attack_reference();
  Dataset data;
  data.train = data.test = testing::golden_images(100);
  data.classes = 10;
  data.mean = reference.at("mean").get<std::vector<float>>();
  data.std = reference.at("std").get<std::vector<float>>();
  double robust[2] = {};
  for (const bool is_adversarial : {false, true}) {
    TrainOptions o = options(is_adversarial);
    o.init = testing::attack_golden("weights.safetensors").string();
    o.batch_size = 50;
    o.epochs = 8;
    const RunFolder run{folder / (is_adversarial ? "adversarial" : "plain")};
    run.create();
    (void)train(o, data, run, {}, {});
    robust[is_adversarial ? 1 : 0] = robust_accuracy(run, data.test);
  }
  EXPECT_GT(robust[1], robust[0] + 0.05);
}

TEST(AdversarialTraining, TheLogShowsABlindInnerAttack) {
  const TemporaryFolder folder;
  const Dataset data = gaussian_classes();
  TrainOptions o = options(true);
  o.epochs = 1;
  for (const double inner_tau : {0.0, 1e-4}) {  // logits divided by 1e-4: every lead is beyond float32's exponent
    o.adversarial.inner_tau = inner_tau;
    const RunFolder run{folder / (inner_tau > 0 ? "blind" : "seeing")};
    run.create();
    (void)train(o, data, run, {}, {});
    const Json line = last_epoch(run);
    if (inner_tau > 0) {
      EXPECT_GT(line.at("zero_gradient_fraction"), 0.2);
    } else {
      EXPECT_EQ(line.at("zero_gradient_fraction"), 0.0);
      EXPECT_GT(line.at("displacement"), 0.015);  // half of ε
    }
  }
}

// By the reparametrisation theorem a network trained at τ = 100 has logits about 100 times as large as one trained at τ = 1. For an inner attack
// at τ = 1 the cross-entropy of such logits is flat; at τ = 100 it is not.
TEST(AdversarialTraining, AtTauOneInsideANetworkOfTauHundredIsAttackedBlindly) {
  const TemporaryFolder folder;
  const nlohmann::json reference = testing::attack_reference();
  Dataset data;
  data.train = testing::golden_images(50);
  data.classes = 10;
  data.mean = reference.at("mean").get<std::vector<float>>();
  data.std = reference.at("std").get<std::vector<float>>();
  const auto trained = testing::golden_model(/*scale=*/100);
  save_checkpoint(folder / "scaled.safetensors", trained->parameters(), {}, {});
  std::map<double, Json> log;
  for (const double inner_tau : {1.0, 100.0}) {
    TrainOptions o = options(true);
    o.init = (folder / "scaled.safetensors").string();
    o.batch_size = 50;
    o.epochs = 1;
    o.lr.base = 1e-3;
    o.tau = {.start = 100, .end = 100};
    o.adversarial.inner_tau = inner_tau;
    const RunFolder run{folder / str("inner", inner_tau)};
    run.create();
    (void)train(o, data, run, {}, {});
    log[inner_tau] = last_epoch(run);
  }
  EXPECT_GT(log[1].at("zero_gradient_fraction"), 0.2);
  EXPECT_EQ(log[100].at("zero_gradient_fraction"), 0.0);
  EXPECT_GT(log[100].at("displacement").get<double>(), log[1].at("displacement").get<double>());
  EXPECT_GT(log[100].at("fosc"), 0.0);
}

TrainOptions options_of(AdversarialOptions::Kind kind) {
  TrainOptions o = options(false);
  o.adversarial = usual_adversarial_options(kind);
  o.adversarial.steps = 3;
  o.adversarial.awp_gamma = 0.01;
  o.adversarial.awp_warmup = 1;
  return o;
}

constexpr AdversarialOptions::Kind kObjectives[] = {AdversarialOptions::Kind::pgd, AdversarialOptions::Kind::trades,
                                                    AdversarialOptions::Kind::mart};

// Every objective, at τ = 1 and at a high τ (with a learning rate to match), with the weights perturbed from the second epoch on.
TEST(AdversarialTraining, TheLossOfEveryObjectiveFalls) {
  const TemporaryFolder folder;
  const Dataset data = gaussian_classes();
  for (const AdversarialOptions::Kind kind : kObjectives)
    for (const double tau : {1.0, 20.0}) {
      TrainOptions o = options_of(kind);
      o.model = "mlp";
      o.epochs = 6;
      o.batch_size = 32;
      o.tau = {.start = tau, .end = tau};
      o.lr_times_tau = true;
      const RunFolder run{folder / str(name_of(kind), tau)};
      run.create();
      (void)train(o, data, run, {}, {});
      std::ifstream in(run.metrics());
      std::vector<double> losses;
      for (std::string line; std::getline(in, line);)
        if (const Json json = Json::parse(line); json.at("kind") == "epoch") losses.push_back(json.at("train_loss"));
      ASSERT_EQ(losses.size(), 6U);
      EXPECT_LT(losses.back(), 0.9 * losses.front()) << name_of(kind) << " at tau " << tau;
    }
}

// The networks of the field's papers learn with every objective, with perturbed weights and averaged ones.
TEST(AdversarialTraining, PreActivationNetworksLearnWithEveryObjective) {
  const TemporaryFolder folder;
  const Dataset data = gaussian_classes();
  for (const char* model : {"wrn_10_1", "dm_wrn_10_1"})
    for (const AdversarialOptions::Kind kind : {AdversarialOptions::Kind::none, AdversarialOptions::Kind::pgd,
                                                AdversarialOptions::Kind::trades, AdversarialOptions::Kind::mart}) {
      TrainOptions o = options_of(kind);
      if (kind == AdversarialOptions::Kind::none) o.adversarial = {};
      o.model = model;
      o.epochs = 6;
      o.fine_tuning.ema_decay = 0.8f;
      const RunFolder run{folder / str(model, "-", name_of(kind))};
      run.create();
      const TrainReport report = train(o, data, run, {}, {});
      EXPECT_GT(report.accuracy.value_or(0), 0.35) << model << " " << name_of(kind);  // a guess: 0.2
      EXPECT_GT(report.ema_accuracy.value_or(0), 0.25) << model << " " << name_of(kind);
    }
}

std::vector<float> weights_of(const RunFolder& run) {
  const SafetensorsFile file = open_checkpoint(run);
  return build_trained_model(file, run_info_from(file), {}).model->parameters().values().to_host<float>();
}

void expect_resume_equals_uninterrupted(TrainOptions o, const Dataset& data, const TemporaryFolder& folder,
                                        const std::string& name) {
  o.epochs = 2;
  o.lr.kind = LearningRateSchedule::Kind::constant;
  const RunFolder whole{folder / (name + "-whole")}, parts{folder / (name + "-parts")};
  whole.create();
  parts.create();
  (void)train(o, data, whole, {}, {});
  o.epochs = 1;
  (void)train(o, data, parts, {}, {});
  EXPECT_FALSE(weights_of(whole) == weights_of(parts)) << name;
  o.epochs = 2;
  o.resume = true;
  (void)train(o, data, parts, {}, {});
  EXPECT_TRUE(weights_of(whole) == weights_of(parts)) << name;
}

TEST(AdversarialTraining, ResumedEqualsUninterrupted) {
  const TemporaryFolder folder;
  const Dataset data = gaussian_classes();
  for (const AdversarialOptions::Kind kind : kObjectives)
    expect_resume_equals_uninterrupted(options_of(kind), data, folder, name_of(kind));
  TrainOptions learned = options_of(AdversarialOptions::Kind::pgd);
  learned.model = "mlp";
  learned.learn_tau = true;
  learned.classifier = "cosine";
  expect_resume_equals_uninterrupted(learned, data, folder, "learned");
}

// The images of the inner attack are inside the ball and the box in exact arithmetic, and running statistics are unchanged or updated.
TEST(InnerAttack, StaysInTheBallAndMovesStatisticsOnlyInTrainMode) {
  const auto model = testing::golden_model();
  const ImageSet set = testing::golden_images(10);
  std::vector<float> pixels(static_cast<std::size_t>(set.count * set.pixels()));
  for (std::int64_t i = 0; i < set.count; ++i) set.copy_image(i, pixels.data() + i * set.pixels());
  const Tensor clean = Tensor::from_host<float>(pixels, {set.count, set.height, set.width, set.channels});
  const Tensor labels = Tensor::from_host<std::int32_t>(set.labels, {set.count});
  const auto statistics = [&] { return model->parameters().buffer_values().to_host<float>(); };
  for (const AdversarialOptions::Kind kind : kObjectives)
    for (const Mode mode : {Mode::eval, Mode::train}) {
      AdversarialOptions o = usual_adversarial_options(kind);
      o.steps = 2;
      o.batch_norm = mode;
      StepTemperatures t(o, {});
      InnerAttack inner(*model, o, t, clean, labels, /*seed=*/3);
      const std::vector<float> before = statistics();
      const std::vector<float> x = inner.attack(set.count, 0).to_host<float>();
      EXPECT_EQ(before == statistics(), mode == Mode::eval) << name_of(kind);
      double largest = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(x[i]) - pixels[i]));
        ASSERT_GE(x[i], 0.0f);
        ASSERT_LE(x[i], 1.0f);
      }
      EXPECT_LE(largest, static_cast<double>(o.eps)) << name_of(kind);
      EXPECT_GT(largest, 0.013) << name_of(kind) << ": two steps of at least 0.007";
      EXPECT_EQ(inner.take_log().zero_gradient_fraction, 0.0);
      // A smaller batch makes the same images: starts belong to the position in the batch.
      if (mode == Mode::eval) {
        const std::vector<float> part = inner.attack(3, 0).to_host<float>();
        double difference = 0;
        for (std::size_t i = 0; i < part.size(); ++i)
          difference += std::abs(static_cast<double>(part[i]) - x[i]) / static_cast<double>(part.size());
        EXPECT_LT(difference, 1e-3) << name_of(kind);  // a convolution of another batch size may round a sign away
      }
    }
}

TEST(LearnedTemperature, IsTrainedLoggedAndKept) {
  const TemporaryFolder folder;
  const Dataset data = gaussian_classes();
  TrainOptions o = options(false);
  o.model = "mlp";
  o.learn_tau = true;
  o.classifier = "cosine";
  o.tau = {.start = 2, .end = 2};
  const RunFolder run{folder / "run"};
  run.create();
  const TrainReport report = train(o, data, run, {}, {});
  EXPECT_TRUE(report.notes.empty());
  EXPECT_GT(std::abs(report.tau - 2), 0.01);
  EXPECT_NEAR(last_epoch(run).at("tau"), report.tau, 1e-9);
  const SafetensorsFile file = open_checkpoint(run);
  EXPECT_EQ(run_info_from(file).train_tau, report.tau);
  EXPECT_EQ(run_info_from(file).model.classifier, "cosine");
  EXPECT_GT(report.accuracy, 0.5);
  // Logits cannot exceed the scale, and neither length of features nor of prototypes matters.
  const TrainedModel trained = build_trained_model(file, run_info_from(file), {});
  const Tensor f = Tensor::from_host<float>(std::vector<float>(256, 0.5f), {1, 256});
  const std::vector<float> logits = trained.model->logits(f).to_host<float>();
  for (float& v : std::span(trained.model->prototypes().value.view<float>().data, 256)) v *= 3;
  const Tensor longer = Tensor::from_host<float>(std::vector<float>(256, 2.0f), {1, 256});
  const std::vector<float> again = trained.model->logits(longer).to_host<float>();
  for (std::size_t j = 0; j < logits.size(); ++j) {
    EXPECT_LE(std::abs(logits[j]), 15.0f);
    EXPECT_NEAR(logits[j], again[j], 1e-5);
  }
  // With a free last layer many values of τ describe the same network: a note says so.
  o.classifier = "linear";
  o.epochs = 1;
  const RunFolder linear{folder / "linear"};
  linear.create();
  const TrainReport noted = train(o, data, linear, {}, {});
  ASSERT_EQ(noted.notes.size(), 1U);
  EXPECT_NE(noted.notes[0].find("without a cosine classifier"), std::string::npos);
}

TEST(AdversarialTraining, Mistakes) {
  const auto says = [](const auto& change, const char* what) {
    TrainOptions o = options(true);
    change(o);
    EXPECT_NE(testing::mistake_of([&] { check_options(o); }).find(what), std::string::npos) << what;
  };
  says([](TrainOptions& o) { o.adversarial.steps = 0; }, "--adversarial-steps");
  says([](TrainOptions& o) { o.adversarial.inner_tau = -1; }, "--inner-tau");
  says([](TrainOptions& o) { o.adversarial.kl_tau = 2; }, "--kl-tau");
  says([](TrainOptions& o) { o.adversarial.awp_gamma = -0.1; }, "--awp");
  says(
      [](TrainOptions& o) {
        o.adversarial.kind = AdversarialOptions::Kind::none;
        o.adversarial.awp_gamma = 0.01;
      },
      "--awp needs");
  says(
      [](TrainOptions& o) {
        o.learn_tau = true;
        o.adversarial.kind = AdversarialOptions::Kind::mart;
      },
      "--tau learn");
  says(
      [](TrainOptions& o) {
        o.classifier = "cosine";
        o.reparametrize = true;
      },
      "--classifier linear");
  EXPECT_NE(testing::mistake_of([] { (void)adversarial_of("madry"); }).find("trades"), std::string::npos);
}

}  // namespace
}  // namespace kelvin
