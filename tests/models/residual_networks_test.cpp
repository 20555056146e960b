// resnet18, resnet34, resnet50 and resnet20 against torchvision, and mlp, which has no norms, against torch.nn
// (tools/golden/residual_networks.py): logits, features, every parameter's gradient, the images' gradient and running statistics, in
// both modes, with the CIFAR stem and with ImageNet's. Weights come from one formula on both sides; its shifts keep most activations
// away from ReLU's kink, where a rounding flips a whole gradient (one flip moves gradients by 1e-3 to 3e-2, in PyTorch's float32 against its
// float64 as well), and the images are such that none lies within the rounding of a convolution. Goldens are computed in float64, so the tolerances hold our
// rounding alone: 1e-5 for values, 1e-4 for gradients, which pass every layer twice.
#include <gtest/gtest.h>

#include <map>

#include "engine/ops/losses.h"
#include "engine/tape.h"
#include "models/model.h"
#include "tests/models/golden_model.h"

namespace kelvin::testing {
namespace {

constexpr std::int64_t kBatch = 4;
constexpr double kTau = 2.0;

struct GoldenCase {
  const char *name, *model, *stem;
  int size;
};

class ResidualNetworks : public ::testing::TestWithParam<GoldenCase> {
 protected:
  ResidualNetworks() {
    const GoldenCase& c = GetParam();
    model_ = make_model(
        {.name = c.model, .channels = 3, .height = c.size, .width = c.size, .mean = {}, .std = {}, .stem = c.stem}, {},
        0);
    fill_by_formula(model_->parameters());
    const Shape shape = {kBatch, c.size, c.size, 3};
    const std::string stream = "images" + std::to_string(static_cast<int>(golden("images")[0]));
    images_ = Tensor::from_host<float>(formula(stream, shape.size(), 0.5, 0.5), shape);
    labels_ = Tensor::from_host<std::int32_t>(std::vector<std::int32_t>{0, 1, 2, 3}, {kBatch});
  }
  [[nodiscard]] static std::vector<float> golden(const std::string& name) {
    return read_golden("residual_networks", std::string(GetParam().name) + "." + name);
  }
  std::unique_ptr<Model> model_;
  Tensor images_, labels_;
};

TEST_P(ResidualNetworks, Evaluation) {
  const Tensor features = model_->features(images_, Mode::eval);
  const double logits_error = relative(model_->logits(features).to_host<float>(), golden("eval_logits"));
  RecordProperty("logits_error", std::to_string(logits_error));
  EXPECT_LT(logits_error, 1e-5);
  EXPECT_LT(relative(features.to_host<float>(), golden("eval_features")), 1e-5);
  Tape tape({images_});
  tape.backward(sum(softmax_cross_entropy(model_->forward(images_, Mode::eval), labels_, kTau)));
  EXPECT_LT(relative(thinned(tape.gradient(images_), 4), golden("eval_image_gradient")), 1e-4);
}

// Parameters through BatchNorm with running statistics: fine-tuning with frozen statistics, and gradient studies.
TEST_P(ResidualNetworks, ParametersInEvaluation) {
  model_->parameters().zero_gradients();
  Tape tape(model_->parameters());
  tape.backward(sum(softmax_cross_entropy(model_->forward(images_, Mode::eval), labels_, kTau)));
  expect_gradients(model_->parameters(), golden("eval_gradients"));
}

TEST_P(ResidualNetworks, ImagesInTraining) {
  Tape tape({images_});
  const Tensor features = model_->features(images_, Mode::train);
  EXPECT_LT(relative(features.to_host<float>(), golden("train_features")), 1e-5);
  tape.backward(mean(softmax_cross_entropy(model_->logits(features), labels_, kTau)));
  EXPECT_LT(relative(thinned(tape.gradient(images_), 4), golden("train_image_gradient")), 1e-4);
}

TEST_P(ResidualNetworks, TrainingStep) {
  model_->parameters().zero_gradients();
  {
    Tape tape(model_->parameters());
    const Tensor logits = model_->forward(images_, Mode::train);
    EXPECT_LT(relative(logits.to_host<float>(), golden("train_logits")), 1e-5);
    tape.backward(mean(softmax_cross_entropy(logits, labels_, kTau)));
  }
  expect_gradients(model_->parameters(), golden("gradients"));
  for (int i = 0; i < 2; ++i) (void)model_->forward(images_, Mode::train);
  std::map<std::string, double> norms;
  for (const Parameter& p : model_->parameters().buffers()) norms[p.spec.name] = norm(p.value.to_host<float>());
  if (norms.empty()) return;  // mlp has none
  const std::vector<float> running = golden("running_norms");
  ASSERT_EQ(running.size(), norms.size());
  std::size_t i = 0;
  for (const auto& [name, value] : norms) {
    EXPECT_NEAR(value, running[i], 1e-5 * running[i]) << name;
    ++i;
  }
}

INSTANTIATE_TEST_SUITE_P(Torchvision, ResidualNetworks,
                         ::testing::Values(GoldenCase{"resnet18-cifar", "resnet18", "auto", 32},
                                           GoldenCase{"resnet34-cifar", "resnet34", "auto", 32},
                                           GoldenCase{"resnet50-cifar", "resnet50", "auto", 32},
                                           GoldenCase{"resnet50-imagenet", "resnet50", "auto", 96},
                                           GoldenCase{"resnet20", "resnet20", "auto", 32},
                                           GoldenCase{"mlp", "mlp", "auto", 10}),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           for (char& c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

}  // namespace
}  // namespace kelvin::testing
