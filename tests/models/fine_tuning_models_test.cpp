// What fine-tuning adds to the models: images resized inside, dropout and stochastic depth, checkpointed blocks, layers that learn at
// rates of their own (against timm, tools/golden/fine_tuning.py).
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/ops/dropout.h"
#include "engine/ops/losses.h"
#include "engine/ops/resize.h"
#include "engine/tape.h"
#include "kernels/device/pool.h"
#include "models/layer_groups.h"
#include "models/model.h"
#include "tests/models/golden_model.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using testing::formula;
using testing::mistake_of;

ModelSpec small_vit() {
  return {.name = "vit_tiny_patch4", .channels = 3, .height = 12, .width = 12, .mean = {}, .std = {}};
}

Tensor images(std::int64_t n, std::int64_t size) {
  return Tensor::from_host<float>(formula("images", n * size * size * 3, 0.5, 0.5), {n, size, size, 3});
}

struct Step {
  std::vector<float> logits, image_gradient, gradients;
  std::size_t peak = 0;  // bytes beyond what was there before
  bool operator==(const Step& o) const {
    return logits == o.logits && image_gradient == o.image_gradient && gradients == o.gradients;
  }
};
// Forward and backward with respect to every parameter, then with respect to the images.
Step run(Model& model, const Tensor& x, Mode mode, std::int64_t number = 5) {
  Step step;
  const Tensor labels = Tensor::full({x.dim(0)}, 1, DType::i32);
  model.set_dropout_step(number);
  model.parameters().zero_gradients();
  pool_reset_peak(Cpu{});
  const std::size_t before = pool_use(Cpu{}).in_use;
  {
    Tape tape(model.parameters());
    const Tensor z = model.forward(x, mode);
    tape.backward(mean(softmax_cross_entropy(z, labels, 2.0)));
    step.logits = z.to_host<float>();
  }
  step.peak = pool_use(Cpu{}).peak - before;
  Tape tape({x});
  tape.backward(mean(softmax_cross_entropy(model.forward(x, mode), labels, 2.0)));
  step.image_gradient = tape.gradient(x).to_host<float>();
  step.gradients = model.parameters().gradients().to_host<float>();
  return step;
}

// Blocks computed again in backward give the bits they gave before, dropped elements and branches included, and hold less memory: twelve
// blocks' activations become one block's and twelve inputs.
TEST(CheckpointedBlocks, SameBitsForLessMemory) {
  ModelSpec spec = small_vit();
  spec.dropout = 0.1f;
  spec.drop_path = 0.3f;
  const auto kept = make_model(spec, {}, 4);
  spec.checkpoint_activations = true;
  const auto again = make_model(spec, {}, 4);
  const Tensor x = images(4, 12);
  for (const Mode mode : {Mode::train, Mode::eval}) {
    (void)run(*kept, x, mode);  // plans and their workspaces are made once
    const Step a = run(*kept, x, mode), b = run(*again, x, mode);
    EXPECT_EQ(a, b);
    EXPECT_LT(b.peak, a.peak / 2) << a.peak << " bytes with every activation kept";
    RecordProperty("kept_bytes", static_cast<int>(a.peak));
    RecordProperty("checkpointed_bytes", static_cast<int>(b.peak));
  }
}

TEST(Dropout, MasksBelongToSeedStepAndLayer) {
  ModelSpec spec = small_vit();
  const Tensor x = images(3, 12);
  const Step plain = run(*make_model(spec, {}, 4), x, Mode::train);
  for (const auto& [dropout, drop_path] : {std::pair(0.2f, 0.0f), std::pair(0.0f, 0.5f)}) {
    spec.dropout = dropout;
    spec.drop_path = drop_path;
    const auto model = make_model(spec, {}, 4);
    const Step first = run(*model, x, Mode::train, 1), other = run(*model, x, Mode::train, 2);
    EXPECT_NE(first.logits, other.logits);
    EXPECT_NE(first.logits, plain.logits);
    EXPECT_EQ(first, run(*model, x, Mode::train, 1));
    EXPECT_EQ(run(*model, x, Mode::eval),
              plain);  // evaluation drops nothing; without norms' statistics it is the plain model
  }
}

// Over many elements the share dropped is the rate, what stays is scaled, and the mean is kept: deviation of the share sqrt(r(1−r)/n).
TEST(Dropout, RateAndScale) {
  constexpr std::int64_t kRows = 4000, kCols = 50;
  const Tensor ones = Tensor::full({kRows, kCols}, 1.0f);
  const DropoutSource source{11, Tensor::full({1}, 7, DType::i32)};
  for (const float rate : {0.1f, 0.6f}) {
    const std::vector<float> y = dropout(ones, rate, source, "a").to_host<float>();
    const std::vector<float> path = drop_path(ones, rate, source, "a").to_host<float>();
    std::int64_t dropped = 0, left_out = 0;
    for (const float v : y) {
      ASSERT_TRUE(v == 0.0f || v == 1.0f / (1.0f - rate));
      dropped += v == 0.0f ? 1 : 0;
    }
    for (std::size_t row = 0; row < kRows; ++row) {
      for (std::size_t c = 1; c < kCols; ++c) ASSERT_EQ(path[row * kCols + c], path[row * kCols]);  // one draw an image
      left_out += path[row * kCols] == 0.0f ? 1 : 0;
    }
    const double r = static_cast<double>(rate);
    EXPECT_NEAR(static_cast<double>(dropped) / (kRows * kCols), r, 4 * std::sqrt(r * (1 - r) / (kRows * kCols)));
    EXPECT_NEAR(static_cast<double>(left_out) / kRows, r, 4 * std::sqrt(r * (1 - r) / kRows));
    EXPECT_NE(y, dropout(ones, rate, source, "b").to_host<float>());
  }
  EXPECT_EQ(dropout(ones, 0, source, "a").id(), ones.id());
}

// A model that resizes is the model of the larger size behind the resizing, and its images' gradient goes through both.
TEST(ImageSize, ResizesInsideTheModel) {
  for (const char* name : {"vit_tiny_patch16_224", "resnet8", "mlp"}) {
    ModelSpec spec{
        .name = name, .channels = 3, .height = 12, .width = 12, .mean = {0.5f, 0.4f, 0.3f}, .std = {0.5f, 0.2f, 0.3f}};
    spec.image_size = 32;
    const auto resizing = make_model(spec, {}, 4);
    spec.image_size = 0;
    spec.height = spec.width = 32;
    const auto large = make_model(spec, {}, 4);
    const Tensor x = images(2, 12), labels = Tensor::full({2}, 1, DType::i32);
    const auto gradient = [&](const auto& forward) {
      Tape tape({x});
      const Tensor z = forward();
      tape.backward(sum(softmax_cross_entropy(z, labels, 1.0)));
      return std::pair(z.to_host<float>(), tape.gradient(x).to_host<float>());
    };
    EXPECT_EQ(gradient([&] { return resizing->forward(x, Mode::eval); }),
              gradient([&] { return large->forward(resize_bilinear(x, 32, 32), Mode::eval); }))
        << name;
  }
}

TEST(ImageSize, DecidesStemAndPatches) {
  ModelSpec spec{.name = "resnet18", .channels = 3, .height = 32, .width = 32, .mean = {}, .std = {}};
  spec.image_size = 96;
  EXPECT_EQ(make_model(spec, {}, 0)->parameters().find("conv1.weight")->value.dim(1), 7);  // ImageNet's stem
  spec.name = "vit_tiny_patch16_224";
  spec.image_size = 64;
  EXPECT_EQ(make_model(spec, {}, 0)->parameters().find("pos_embed")->value.dim(1), 17);
  spec.image_size = 40;
  EXPECT_THAT(mistake_of([&] { (void)make_model(spec, {}, 0); }),
              ::testing::HasSubstr("images of 40x40 do not divide"));
  spec = {.name = "resnet8", .channels = 3, .mean = {}, .std = {}, .drop_path = 0.1f};
  EXPECT_THAT(mistake_of([&] { (void)make_model(spec, {}, 0); }), ::testing::HasSubstr("belong to the vit_* models"));
  spec = small_vit();
  spec.dropout = 1.0f;
  EXPECT_THAT(mistake_of([&] { (void)make_model(spec, {}, 0); }), ::testing::HasSubstr("--dropout must be"));
}

TEST(LayerGroups, AreTimms) {
  std::ifstream in(std::filesystem::path(KELVIN_GOLDEN_DIR) / "fine_tuning" / "layer_decay.json");
  const nlohmann::json golden = nlohmann::json::parse(in);
  for (const auto& [name, scales] : golden.items()) {
    const auto model = make_model({.name = name, .channels = 3, .mean = {}, .std = {}}, {}, 0);
    const std::map<std::string, int> layers = layers_of(*model);
    int last = 0;
    for (const auto& [parameter, layer] : layers) last = std::max(last, layer);
    ASSERT_EQ(scales.size(), layers.size()) << name;
    for (const auto& [parameter, layer] : layers)
      EXPECT_NEAR(std::pow(0.75, last - layer), scales.at(parameter).get<double>(), 1e-12) << parameter;
  }
}

}  // namespace
}  // namespace kelvin
