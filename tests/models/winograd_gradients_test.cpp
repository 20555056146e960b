// What Winograd's bfloat16 convolutions do to a whole training step: ResNet-18's gradients stay as near to float32's as with the direct
// convolutions.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstdlib>
#include <thread>

#include "engine/ops/losses.h"
#include "engine/tape.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/convolution/conv2d.h"
#include "models/model.h"

namespace kelvin {
namespace {

constexpr std::int64_t kBatch = 16;  // the last stage's 4x4 images then have the 64 tiles from which Winograd is taken

struct Step {
  std::vector<float> gradients;
  bool winograd = false;  // in a convolution of the last stage
};

// The gradients of one training step. Plans of convolutions are kept by thread: a thread of its own reads the setting anew.
Step training_step(DType precision, const char* winograd) {
  Step step;
  setenv("KELVIN_WINOGRAD", winograd, 1);
  std::thread([&] {
    omp_set_num_threads(1);
    const auto model = make_model({.name = "resnet18", .mean = {}, .std = {}, .precision = precision}, {}, 1);
    const Tensor images = Tensor::empty({kBatch, 32, 32, 3}, DType::f32, {});
    fill_uniform(Cpu{}, images.view<float>(), {1, random_stream("images")}, 0.0f, 1.0f);
    std::vector<std::int32_t> labels;
    for (int i = 0; i < kBatch; ++i) labels.push_back(i % 10);
    model->parameters().zero_gradients();
    Tape tape(model->parameters());
    tape.backward(mean(softmax_cross_entropy(model->forward(images, Mode::train),
                                             Tensor::from_host<std::int32_t>(labels, {kBatch}), 1.0)));
    step.gradients = model->parameters().gradients().to_host<float>();
    step.winograd = conv2d_implementations<bfloat16>(Cpu{}, {kBatch, 4, 4, 512}, {512, 3, 3, 512}, {.pad = 1})
                        .forward.starts_with("kelvin_winograd");
  }).join();
  unsetenv("KELVIN_WINOGRAD");
  return step;
}

// ‖a − b‖ / ‖b‖
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double above = 0, below = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    above += std::pow(static_cast<double>(a[i]) - b[i], 2);
    below += static_cast<double>(b[i]) * b[i];
  }
  return std::sqrt(above / below);
}

// Roundings to bfloat16 between the layers move ReLUs and batch statistics: at initialisation all gradients together are 33 % away from
// float32's with direct convolutions, 36 % with Winograd.
TEST(WinogradGradients, AreNoFurtherFromFloat32) {
  if (!has_bfloat16(Cpu{})) GTEST_SKIP() << "this CPU has no bfloat16 products";
  const Step direct = training_step(DType::bf16, "0"), winograd = training_step(DType::bf16, "1");
  if (!winograd.winograd) GTEST_SKIP() << "this build has no Winograd for bfloat16";
  ASSERT_FALSE(direct.winograd);
  const Step exact = training_step(DType::f32, "0");
  ASSERT_EQ(direct.gradients.size(), exact.gradients.size());
  const double direct_distance = distance(direct.gradients, exact.gradients),
               winograd_distance = distance(winograd.gradients, exact.gradients);
  RecordProperty("direct", std::to_string(direct_distance));
  RecordProperty("winograd", std::to_string(winograd_distance));
  EXPECT_GT(winograd_distance, 0);
  EXPECT_LT(winograd_distance, 1.3 * direct_distance);
}

}  // namespace
}  // namespace kelvin
