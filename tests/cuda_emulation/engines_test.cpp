// Which of cuDNN's engines are used. The stand-in (nvidia/cudnn.cpp) offers some that must not be: every test uses shapes of its own, because a
// choice is remembered.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/attention.h"
#include "engine/ops/conv2d.h"
#include "engine/tensor.h"
#include "kernels/device/cuda_device.h"
#include "kernels/random_fill.h"
#include "tests/cuda_emulation/nvidia/cudnn.h"

namespace kelvin {
namespace {

class Engines : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    gpu_ = {DeviceKind::cuda, open_cuda(reason)};
    cuda_settings() = {};
  }
  void TearDown() override { cuda_settings() = {}; }

  static Tensor drawn(Shape shape, std::uint64_t which) {
    const Tensor x = Tensor::empty(shape, DType::f32);
    fill_normal(Cpu{}, x.view<float>(), {which, random_stream("engines")}, 0, 1);
    return x;
  }
  // Six runs of the same convolution.
  std::vector<std::vector<float>> runs(std::int64_t channels) {
    const Tensor x = drawn({2, 6, 6, channels}, 1).to(gpu_), w = drawn({8, 3, 3, channels}, 2).to(gpu_);
    std::vector<std::vector<float>> all;
    for (int i = 0; i < 6; ++i) all.push_back(conv2d(x, w, {.pad = 1}).to_host<float>());
    return all;
  }
  Device gpu_;
};

TEST_F(Engines, ConvolutionsRepeatBitForBitUnlessAskedNotTo) {
  cuda_settings().autotune = false;
  for (const auto& run : runs(16)) EXPECT_EQ(run, runs(16)[0]);
  cuda_settings().deterministic = false;
  const auto unordered = runs(24);
  EXPECT_NE(unordered[0], unordered[1]);
}

// float32 without TF32: no engine that rounds its factors, also not the fastest.
TEST_F(Engines, Float32MeansFloat32) {
  const auto on_cpu = [&](std::int64_t channels) {
    return conv2d(drawn({2, 6, 6, channels}, 1), drawn({8, 3, 3, channels}, 2), {.pad = 1}).to_host<float>();
  };
  const auto largest_error = [&](std::int64_t channels) {
    const auto got = runs(channels)[0], expected = on_cpu(channels);
    float largest = 0;
    for (std::size_t i = 0; i < got.size(); ++i) largest = std::max(largest, std::abs(got[i] - expected[i]));
    return largest;
  };
  EXPECT_LT(largest_error(32), 1e-4f);  // sums of 288 products of size 1
  cuda_settings().allow_tf32 = true;
  cuda_settings().autotune = false;
  EXPECT_GT(largest_error(40), 1e-3f);  // factors of 10 bits
}

TEST_F(Engines, AttentionThatDisagreesIsNotUsed) {
  emulated::cudnn_settings().has_a_wrong_attention_engine = true;
  const Tensor qkv = drawn({2, 13, 3, 2, 16}, 3).to(DType::bf16);
  ::testing::internal::CaptureStderr();
  const auto got = attention(qkv.to(gpu_)).to(DType::f32).to_host<float>();
  emulated::cudnn_settings().has_a_wrong_attention_engine = false;
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("cuDNN's engine 4 is not used for attention forward"),
            std::string::npos);
  const auto expected = attention(qkv).to(DType::f32).to_host<float>();
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 0.03f);  // bfloat16, values below 4
}

}  // namespace
}  // namespace kelvin
