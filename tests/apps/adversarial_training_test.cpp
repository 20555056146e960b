// Adversarial training: more robust than plain training, the log says when the inner attack is blind, resumed equals uninterrupted.
#include <gtest/gtest.h>

#include <fstream>

#include "apps/attacks/attack.h"
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
  o.adversarial = {.is_on = is_adversarial, .eps = 0.03f, .step = 0.01f, .steps = 5};
  return o;
}

double robust_accuracy(const RunFolder& run, const ImageSet& set) {
  const SafetensorsFile file = open_checkpoint(run);
  const TrainedModel trained = build_trained_model(file, run_info_from(file), {});
  AttackOptions o;
  o.eps = 0.03f;
  o.step = 0.006f;
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

TEST(AdversarialTraining, ResumedEqualsUninterrupted) {
  const TemporaryFolder folder;
  const Dataset data = gaussian_classes();
  TrainOptions o = options(true);
  o.epochs = 2;
  o.lr.kind = learning_rate_schedule_of("constant");
  const RunFolder whole{folder / "whole"}, parts{folder / "parts"};
  whole.create();
  parts.create();
  (void)train(o, data, whole, {}, {});
  o.epochs = 1;
  (void)train(o, data, parts, {}, {});
  o.epochs = 2;
  o.resume = true;
  (void)train(o, data, parts, {}, {});
  const SafetensorsFile a = open_checkpoint(whole), b = open_checkpoint(parts);
  const auto values = [](const SafetensorsFile& file) {
    const TrainedModel trained = build_trained_model(file, run_info_from(file), {});
    return trained.model->parameters().values().to_host<float>();
  };
  EXPECT_EQ(values(a), values(b));
}

TEST(AdversarialTraining, Mistakes) {
  TrainOptions o = options(true);
  o.adversarial.steps = 0;
  EXPECT_NE(testing::mistake_of([&] { check_options(o); }).find("--adversarial-steps"), std::string::npos);
}

}  // namespace
}  // namespace kelvin
