// The vision transformers against timm (tools/golden/vision_transformers.py): logits, features, every parameter's gradient and the
// images' gradient, in both modes: without dropout and stochastic depth, which neither side has by default, training computes what
// evaluation does.
#include <gtest/gtest.h>

#include "engine/ops/losses.h"
#include "engine/tape.h"
#include "kernels/arrays/elementwise.h"
#include "models/model.h"
#include "tests/models/golden_model.h"

namespace kelvin::testing {
namespace {

constexpr std::int64_t kBatch = 2;
constexpr double kTau = 2.0;

std::unique_ptr<Model> make_vit(const std::string& name, int size, DType precision = DType::f32, int channels = 3) {
  return make_model({.name = name,
                     .channels = channels,
                     .height = size,
                     .width = size,
                     .mean = {},
                     .std = {},
                     .precision = precision},
                    {}, 0);
}

struct GoldenCase {
  const char* model;
  int size, channels = 3;
};

class VisionTransformers : public ::testing::TestWithParam<GoldenCase> {
 protected:
  [[nodiscard]] static std::vector<float> golden(const std::string& name) {
    return read_golden("vision_transformers", std::string(GetParam().model) + "." + name);
  }
};

TEST_P(VisionTransformers, AgreesWithTimm) {
  const auto [name, size, channels] = GetParam();
  const std::unique_ptr<Model> model = make_vit(name, size, DType::f32, channels);
  fill_by_formula(model->parameters());
  const Shape shape = {kBatch, size, size, channels};
  const Tensor images = Tensor::from_host<float>(formula("images", shape.size(), 0.5, 0.5), shape);
  const Tensor labels = Tensor::from_host<std::int32_t>(std::vector<std::int32_t>{0, 1}, {kBatch});
  for (const Mode mode : {Mode::eval, Mode::train}) {
    SCOPED_TRACE(mode == Mode::eval ? "evaluation" : "training");
    {
      Tape tape({images});
      const Tensor features = model->features(images, mode), logits = model->logits(features);
      // Sums in another order than timm's: 1e-5 for what twelve blocks give, 1e-4 for gradients, which pass them twice.
      EXPECT_LT(relative(features.to_host<float>(), golden("features")), 1e-5);
      EXPECT_LT(relative(logits.to_host<float>(), golden("logits")), 1e-5);
      tape.backward(mean(softmax_cross_entropy(logits, labels, kTau)));
      EXPECT_LT(relative(thinned(tape.gradient(images), size / 8), golden("image_gradient")), 1e-4);
    }
    model->parameters().zero_gradients();
    Tape tape(model->parameters());
    tape.backward(mean(softmax_cross_entropy(model->forward(images, mode), labels, kTau)));
    expect_gradients(model->parameters(), golden("gradients"));
  }
}

INSTANTIATE_TEST_SUITE_P(Timm, VisionTransformers,
                         ::testing::Values(GoldenCase{"vit_tiny_patch16_224", 224},
                                           GoldenCase{"vit_small_patch16_224", 224}, GoldenCase{"vit_tiny_patch4", 32},
                                           GoldenCase{"vit_small_patch4", 32}, GoldenCase{"vit_tiny_patch7", 28, 1}),
                         [](const auto& info) { return std::string(info.param.model); });

// Tokens so small that their variance is about LayerNorm's epsilon, 1e-6: the only case in which it shows.
TEST(VisionTransformer, LayerNormHasTimmsEpsilon) {
  const std::unique_ptr<Model> model = make_vit("vit_tiny_patch4", 32);
  fill_by_formula(model->parameters());
  for (const Parameter& p : model->parameters())
    for (const char* const writer : {"cls_token", "pos_embed", "patch_embed.proj", "attn.proj", "mlp.fc2"})
      if (p.spec.name.find(writer) != std::string::npos) scale(Cpu{}, p.value.view<float>(), 0x1p-9f);
  const Tensor images =
      Tensor::from_host<float>(formula("images", kBatch * 32 * 32 * 3, 0.5, 0.5), {kBatch, 32, 32, 3});
  const std::vector<float> logits = model->forward(images, Mode::eval).to_host<float>();
  EXPECT_LT(relative(logits, read_golden("vision_transformers", "vit_tiny_patch4.faint_logits")), 1e-5);
}

TEST(VisionTransformer, BFloat16StaysNearFloat32) {
  const std::vector<float> pixels = formula("images", 2 * 32 * 32 * 3, 0.5, 0.5);
  const Tensor images = Tensor::from_host<float>(pixels, {2, 32, 32, 3});
  std::unique_ptr<Model> half;
  try {
    half = make_vit("vit_tiny_patch4", 32, DType::bf16);
    (void)half->forward(images, Mode::eval);
  } catch (const Error& e) {
    GTEST_SKIP() << e.what();  // a CPU without bfloat16 arithmetic
  }
  const std::vector<float> expected = make_vit("vit_tiny_patch4", 32)->forward(images, Mode::eval).to_host<float>();
  // 2^-8 a rounding, some fifty roundings one after the other, most of them averaged out over 192 channels.
  EXPECT_LT(relative(half->forward(images, Mode::eval).to_host<float>(), expected), 0.03);
}

TEST(VisionTransformer, ImagesMustDivideIntoPatches) { EXPECT_THROW(make_vit("vit_tiny_patch16_224", 40), Error); }

}  // namespace
}  // namespace kelvin::testing
