// Every model in bfloat16: float32 features and logits, near those of float32, and a gradient for every parameter.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/losses.h"
#include "engine/tape.h"
#include "models/model.h"
#include "tests/models/golden_model.h"

namespace kelvin::testing {
namespace {

std::unique_ptr<Model> model_in(DType precision, const std::string& name, int side) {
  auto model = make_model(
      {.name = name, .channels = 3, .height = side, .width = side, .mean = {}, .std = {}, .precision = precision}, {},
      1);
  fill_by_formula(model->parameters());
  return model;
}

TEST(Precision, EveryModelTrainsInBFloat16) {
  try {
    (void)model_in(DType::bf16, "resnet8", 32)->forward(Tensor::zeros({1, 32, 32, 3}, DType::f32), Mode::eval);
  } catch (const Error& e) {
    if (e.code() == ExitCode::mistake) GTEST_SKIP() << e.what();  // a CPU without bfloat16 arithmetic
    throw;
  }
  std::vector<std::string> names = model_names();
  names.insert(names.end(), {"wrn_10_2", "dm_wrn_10_2"});
  for (const std::string& name : names) {
    const bool is_published_wrn = name.find("wrn") != std::string::npos && !name.ends_with("_2");
    if (name.ends_with("_224") || is_published_wrn) continue;  // the same layers as the others, and much work
    const int side = name == "vit_tiny_patch7" ? 28 : 32;
    SCOPED_TRACE(name);
    const Shape shape = {2, side, side, 3};
    const Tensor images = Tensor::from_host<float>(formula("images", shape.size(), 0.5, 0.5), shape);
    const Tensor labels = Tensor::from_host<std::int32_t>(std::vector<std::int32_t>{0, 1}, {2});
    const auto model = model_in(DType::bf16, name, side), reference = model_in(DType::f32, name, side);
    const Tensor features = model->features(images, Mode::eval);
    ASSERT_EQ(features.dtype(), DType::f32);
    // 8 bits a number over some dozen layers.
    EXPECT_LT(
        relative(model->logits(features).to_host<float>(), reference->forward(images, Mode::eval).to_host<float>()),
        0.05);
    model->parameters().zero_gradients();
    Tape tape(model->parameters());
    tape.backward(mean(softmax_cross_entropy(model->forward(images, Mode::train), labels, 1.0)));
    for (const Parameter& p : model->parameters()) {
      double norm = 0;
      for (const float g : p.gradient.to_host<float>()) norm += static_cast<double>(g) * g;
      EXPECT_TRUE(std::isfinite(norm) && norm > 0) << p.spec.name << ": " << norm;
    }
  }
}

}  // namespace
}  // namespace kelvin::testing
