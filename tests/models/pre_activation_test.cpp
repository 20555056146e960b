// Wide residual networks with ReLU and with SiLU, and preactresnet18, against PyTorch (tools/golden/pre_activation.py): logits, features,
// every parameter's gradient, the images' gradient and running statistics, in both modes, of 10 and 100 classes, colour and grey images.
// Weights come from one formula on both sides; goldens are computed in float64, so the tolerances hold our rounding alone: 1e-5 for values,
// 1e-4 for gradients, which pass every layer twice.
#include "models/pre_activation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "engine/json_text.h"
#include "engine/ops/losses.h"
#include "engine/tape.h"
#include "models/layer_groups.h"
#include "tests/models/golden_model.h"
#include "tests/support.h"

namespace kelvin::testing {
namespace {

constexpr std::int64_t kBatch = 4;
constexpr double kTau = 2.0;

struct GoldenCase {
  const char* model;
  int classes, size, channels;
};

class PreActivation : public ::testing::TestWithParam<GoldenCase> {
 protected:
  PreActivation() {
    const auto& [name, classes, size, channels] = GetParam();
    model_ = make_model(
        {.name = name, .classes = classes, .channels = channels, .height = size, .width = size, .mean = {}, .std = {}},
        {}, 0);
    fill_by_formula(model_->parameters());
    const Shape shape = {kBatch, size, size, channels};
    images_ = Tensor::from_host<float>(formula("images", shape.size(), 0.5, 0.5), shape);
    labels_ = Tensor::from_host<std::int32_t>(std::vector<std::int32_t>{0, 1, 2, 3}, {kBatch});
  }
  [[nodiscard]] static std::vector<float> golden(const std::string& name) {
    return read_golden("pre_activation", std::string(GetParam().model) + "." + name);
  }
  void expect_gradient_of_images(Mode mode, const std::string& prefix) {
    Tape tape({images_});
    const Tensor features = model_->features(images_, mode), logits = model_->logits(features);
    EXPECT_LT(relative(features.to_host<float>(), golden(prefix + "features")), 1e-5);
    EXPECT_LT(relative(logits.to_host<float>(), golden(prefix + "logits")), 1e-5);
    tape.backward(mean(softmax_cross_entropy(logits, labels_, kTau)));
    EXPECT_LT(relative(thinned(tape.gradient(images_), 4), golden(prefix + "image_gradient")), 1e-4);
  }
  void expect_gradients_of_parameters(Mode mode, const std::string& prefix) {
    model_->parameters().zero_gradients();
    Tape tape(model_->parameters());
    tape.backward(mean(softmax_cross_entropy(model_->forward(images_, mode), labels_, kTau)));
    expect_gradients(model_->parameters(), golden(prefix + "gradients"));
  }
  std::unique_ptr<Model> model_;
  Tensor images_, labels_;
};

TEST_P(PreActivation, Evaluation) {
  expect_gradient_of_images(Mode::eval, "eval_");
  // No tape: what evaluation runs.
  EXPECT_LT(relative(model_->forward(images_, Mode::eval).to_host<float>(), golden("eval_logits")), 1e-5);
  expect_gradients_of_parameters(Mode::eval, "eval_");
}

TEST_P(PreActivation, Training) {
  expect_gradients_of_parameters(Mode::train, "train_");
  expect_gradient_of_images(Mode::train, "train_");  // the second of three steps of running statistics
  (void)model_->forward(images_, Mode::train);
  std::map<std::string, double> norms;
  for (const Parameter& p : model_->parameters().buffers()) norms[p.spec.name] = norm(p.value.to_host<float>());
  const std::vector<float> running = golden("running_norms");
  ASSERT_EQ(running.size(), norms.size());
  std::size_t i = 0;
  for (const auto& [name, value] : norms) {
    EXPECT_NEAR(value, running[i], 1e-5 * running[i]) << name;
    ++i;
  }
}

INSTANTIATE_TEST_SUITE_P(PyTorch, PreActivation,
                         ::testing::Values(GoldenCase{"wrn_16_3", 10, 32, 3}, GoldenCase{"wrn_10_1", 100, 28, 1},
                                           GoldenCase{"dm_wrn_16_2", 100, 32, 3}, GoldenCase{"dm_wrn_10_1", 10, 28, 1},
                                           GoldenCase{"preactresnet18", 10, 32, 3},
                                           GoldenCase{"fast_preactresnet18", 10, 32, 3}),
                         [](const auto& info) { return std::string(info.param.model); });

std::vector<std::int64_t> in_pytorchs_order(const Shape& s) {
  return s.rank() == 4 ? std::vector<std::int64_t>{s[0], s[3], s[1], s[2]}
                       : std::vector<std::int64_t>(s.begin(), s.end());
}

// What PyTorch counts in the published sizes, and every name and shape of three of them.
TEST(PreActivationSizes, AreThePublishedOnes) {
  const Json sizes = Json::parse(read_text(str(KELVIN_GOLDEN_DIR, "/pre_activation/sizes.json")));
  EXPECT_EQ(sizes.size(), 8U);
  for (const auto& [name, expected] : sizes.items()) {
    SCOPED_TRACE(name);
    const auto model = declare_model({.name = name, .mean = {}, .std = {}});
    const Parameters& p = model->parameters();
    EXPECT_EQ(p.size() + p.buffers().size(), expected["tensors"]);
    std::int64_t trained = 0, values = 0;
    for (const Parameter& one : p) trained += one.spec.shape.size();
    for (const Parameter& one : p.buffers()) values += one.spec.shape.size();
    EXPECT_EQ(trained, expected["parameters"]);
    EXPECT_EQ(trained + values, expected["values"]);
    if (!expected.contains("shapes")) continue;
    for (const auto& [tensor, shape] : expected["shapes"].items()) {
      const Parameter* const found = p.find(tensor);
      ASSERT_NE(found, nullptr) << tensor;
      EXPECT_EQ(in_pytorchs_order(found->spec.shape), shape.get<std::vector<std::int64_t>>()) << tensor;
    }
  }
}

TEST(PreActivationNames, FollowOneGrammar) {
  for (const char* name : {"resnet18", "wrn", "wrn_28", "wrn_28_10_", "xwrn_28_10", "wrn_-28_10", "dm_wrn_28_x"})
    EXPECT_FALSE(wide_layout(name)) << name;
  for (const char* name : {"wrn_4_1", "wrn_11_1", "wrn_208_1", "wrn_28_0", "dm_wrn_28_33", "wrn_9999_9999"})
    EXPECT_THAT([&] { require_known_model(name); },
                ::testing::ThrowsMessage<Error>(::testing::HasSubstr("does not exist: the depth is 10, 16")))
        << name;
  EXPECT_THAT([] { require_known_model("wrn_28"); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("dm_wrn_70_16 and other (dm_)wrn_DEPTH_WIDTH")));
}

// Learning rates that fall towards the images: the stem, a layer a block, the last norm with the last block, the head.
TEST(PreActivationLayers, AreTheBlocks) {
  for (const auto& [name, last_norm, head] : {std::tuple("wrn_10_1", "bn1.weight", "fc.bias"),
                                              std::tuple("dm_wrn_10_1", "batchnorm.weight", "logits.bias")}) {
    const auto model = make_model({.name = name, .mean = {}, .std = {}}, {}, 0);
    const std::map<std::string, int> layers = layers_of(*model);
    EXPECT_EQ(layers.at(last_norm), 3) << name;
    EXPECT_EQ(layers.at(head), 4) << name;
  }
  EXPECT_EQ(layers_of(*make_model({.name = "preactresnet18", .mean = {}, .std = {}}, {}, 0)).at("bn.weight"), 8);
}

}  // namespace
}  // namespace kelvin::testing
