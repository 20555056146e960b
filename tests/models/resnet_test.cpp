// resnet8 against PyTorch: evaluation, image gradient, one training step, running statistics (tools/golden/resnet8.py).
#include "models/resnet.h"

#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>

#include "data/npy.h"
#include "engine/checkpoint.h"
#include "engine/ops/losses.h"
#include "engine/tape.h"
#include "engine/tensor_file.h"
#include "tests/support.h"

namespace kelvin {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(KELVIN_GOLDEN_DIR) / "resnet8";
constexpr double kTau = 3.0;

// ‖a − b‖ / ‖b‖
double relative(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double above = 0, below = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    above += std::pow(static_cast<double>(a[i]) - b[i], 2);
    below += static_cast<double>(b[i]) * b[i];
  }
  return std::sqrt(above / below);
}

std::vector<float> golden(const std::string& name) { return read_npy(kGolden / (name + ".npy")).to_float(); }

class ResNet8 : public ::testing::Test {
 protected:
  ResNet8()
      : model_(
            make_model({.name = "resnet8", .channels = 3, .height = 12, .width = 12, .mean = {}, .std = {}}, {}, 0)) {
    load_parameters(read_safetensors(kGolden / "weights.safetensors"), model_->parameters());
    images_ = Tensor::from_host<float>(golden("images"), {8, 12, 12, 3});
    const std::vector<std::int32_t> labels = {0, 1, 2, 3, 4, 5, 6, 7};
    labels_ = Tensor::from_host<std::int32_t>(labels, {8});
  }
  std::unique_ptr<Model> model_;
  Tensor images_, labels_;
};

// Convolutions differ in the order of their sums: 1e-5 relative for logits, 1e-4 for gradients through 9 layers.
TEST_F(ResNet8, EvaluationAndImageGradient) {
  EXPECT_LT(relative(model_->forward(images_, Mode::eval).to_host<float>(), golden("eval_logits")), 1e-5);
  Tape tape({images_});
  tape.backward(sum(softmax_cross_entropy(model_->forward(images_, Mode::eval), labels_, kTau)));
  EXPECT_LT(relative(tape.gradient(images_).to_host<float>(), golden("eval_image_gradient")), 1e-4);
}

TEST_F(ResNet8, FoldedNormsEqualUnfoldedOnes) {
  const std::vector<float> folded = model_->forward(images_, Mode::eval).to_host<float>();
  Tape tape(model_->parameters());  // watching the parameters keeps the norms apart
  const std::vector<float> unfolded = model_->forward(images_, Mode::eval).to_host<float>();
  EXPECT_LT(relative(folded, unfolded), 1e-5);
}

TEST_F(ResNet8, TrainingStepAndRunningStatistics) {
  {
    Tape tape(model_->parameters());
    const Tensor logits = model_->forward(images_, Mode::train);
    EXPECT_LT(relative(logits.to_host<float>(), golden("train_logits")), 1e-5);
    tape.backward(mean(softmax_cross_entropy(logits, labels_, kTau)));
  }
  // The gradients are read as if they were weights of a second model.
  const std::unique_ptr<Model> expected =
      make_model({.name = "resnet8", .channels = 3, .height = 12, .width = 12, .mean = {}, .std = {}}, {}, 0);
  SafetensorsFile file = read_safetensors(kGolden / "gradients.safetensors");
  const SafetensorsFile weights = read_safetensors(kGolden / "weights.safetensors");
  for (const auto& [name, entry] : weights.tensors) file.tensors.emplace(name, entry);  // the buffers
  load_parameters(file, expected->parameters());
  for (const Parameter& p : model_->parameters())
    EXPECT_LT(relative(p.gradient.to_host<float>(), expected->parameters().find(p.spec.name)->value.to_host<float>()),
              1e-4)
        << p.spec.name;

  for (int i = 0; i < 2; ++i) (void)model_->forward(images_, Mode::train);
  const SafetensorsFile running = read_safetensors(kGolden / "running.safetensors");
  for (const Parameter& b : model_->parameters().buffers()) {
    EXPECT_LT(relative(b.value.to_host<float>(), floats_of(running.tensors.at(b.spec.name))), 1e-5) << b.spec.name;
  }
}

TEST(Models, ParameterCounts) {
  const auto count = [](const std::string& name, int channels) {
    return make_model({.name = name, .channels = channels, .mean = {}, .std = {}}, {}, 0)->parameters().count();
  };
  EXPECT_EQ(count("resnet18", 3), 11173962);  // the common CIFAR form, counted in PyTorch
  EXPECT_EQ(count("resnet8", 3), 78042);
  EXPECT_EQ(count("resnet20", 3), 272474);
  EXPECT_EQ(count("resnet20", 3) - count("resnet20", 1), 2 * 9 * 16);
}

TEST(Models, Bfloat16StaysNearFloat32) {
  ModelSpec spec{.name = "resnet8", .channels = 3, .mean = {}, .std = {}};
  const auto full = make_model(spec, {}, 3);
  spec.precision = DType::bf16;
  const auto low = make_model(spec, {}, 3);
  const Tensor images = Tensor::full({4, 32, 32, 3}, 0.4f);
  std::vector<float> z;
  try {
    z = low->forward(images, Mode::eval).to_host<float>();
  } catch (const Error& e) {
    GTEST_SKIP() << e.what();
  }
  EXPECT_LT(relative(z, full->forward(images, Mode::eval).to_host<float>()), 0.05);  // nine layers of 2^-9 roundings
}

TEST(Models, Mistakes) {
  using ::testing::HasSubstr;
  using testing::mistake_of;
  const auto build = [](ModelSpec spec) { return mistake_of([&] { (void)make_model(spec, {}, 0); }); };
  EXPECT_THAT(build({.name = "vgg", .mean = {}, .std = {}}),
              HasSubstr("known: fast_preactresnet18, mlp, preactresnet18, resnet18, resnet20, resnet34, resnet50, resnet8"));
  EXPECT_THAT(build({.name = "mlp", .channels = 4, .mean = {}, .std = {}}), HasSubstr("1 or 3"));
  EXPECT_THAT(build({.name = "mlp", .classes = 1, .mean = {}, .std = {}}), HasSubstr("at least 2"));
  const auto model = make_model({.name = "mlp", .mean = {}, .std = {}}, {}, 0);
  const std::string text =
      mistake_of([&] { load_parameters(read_safetensors(kGolden / "weights.safetensors"), model->parameters()); });
  EXPECT_THAT(text, HasSubstr("missing fc1.weight"));
  EXPECT_THAT(text, HasSubstr("fc.weight has shape [10, 64], expected [10, 256]"));
}

}  // namespace
}  // namespace kelvin
