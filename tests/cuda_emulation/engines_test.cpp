// Which of cuDNN's engines are used. The stand-in (nvidia/cudnn.cpp) lists some that must not be. Every test uses its own shapes, because a
// choice is remembered.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "engine/ops/activation.h"
#include "engine/ops/attention.h"
#include "engine/ops/conv2d.h"
#include "engine/tape.h"
#include "engine/tensor.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/libraries/cuda_device.h"
#include "models/model.h"
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
  void TearDown() override {
    cuda_settings() = {};
    emulated::cudnn_settings() = {};
  }

  static Tensor drawn(Shape shape, std::uint64_t which) {
    const Tensor x = Tensor::empty(shape, DType::f32);
    fill_normal(Cpu{}, x.view<float>(), {which, random_stream("engines")}, 0, 1);
    return x;
  }
  // y [2, 6, 6, filters] and both gradients, from a random one of y, of a convolution with 8 filters of side x side.
  static std::vector<std::vector<float>> results(std::int64_t channels, std::int64_t side, Device device,
                                                 DType dtype = DType::f32) {
    const Tensor x = drawn({2, 6, 6, channels}, 1).to(device).to(dtype),
                 w = drawn({8, side, side, channels}, 2).to(device);
    Tape tape({x, w});
    const Tensor y = conv2d(x, w, {.pad = static_cast<int>(side / 2)});
    tape.backward(y, drawn({2, 6, 6, 8}, 4).to(device).to(dtype));
    std::vector<std::vector<float>> all;
    for (const Tensor& t : {y, tape.gradient(x), tape.gradient(w)}) all.push_back(t.to(DType::f32).to_host<float>());
    return all;
  }
  // `relative_to_largest`: the tolerance, as a fraction of the largest value of each result.
  static void expect_near(const std::vector<std::vector<float>>& got, const std::vector<std::vector<float>>& expected,
                          float relative_to_largest) {
    for (std::size_t r = 0; r < expected.size(); ++r) {
      float largest = 0;
      for (const float v : expected[r]) largest = std::max(largest, std::abs(v));
      for (std::size_t i = 0; i < expected[r].size(); ++i)
        ASSERT_NEAR(got[r][i], expected[r][i], relative_to_largest * largest) << "result " << r << " " << i;
    }
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

TEST_F(Engines, AnEngineThatCannotRunIsLeftOut) {
  emulated::cudnn_settings().first_engine_fails = true;
  for (const bool autotune : {true, false}) {
    cuda_settings().autotune = autotune;
    const std::int64_t channels = autotune ? 48 : 56;
    expect_near(results(channels, 3, gpu_), results(channels, 3, {}), 1e-5f);  // sums of some hundred float32 products
  }
  emulated::cudnn_settings().all_engines_fail = true;
  EXPECT_THROW((void)results(64, 3, gpu_), Error);
}

// A 1x1 convolution of stride 1 is a matrix product, in all directions: also where cuDNN has nothing that runs.
TEST_F(Engines, ThePointwiseConvolutionIsAProduct) {
  emulated::cudnn_settings().all_engines_fail = true;
  for (const bool autotune : {true, false}) {
    cuda_settings().autotune = autotune;
    const std::int64_t channels = autotune ? 72 : 80;
    expect_near(results(channels, 1, gpu_), results(channels, 1, {}), 1e-5f);
    // Twice rounded to bfloat16, which the CPU may not have: against float32.
    expect_near(results(channels, 1, gpu_, DType::bf16), results(channels, 1, {}), 4.0f / 256);
  }
}

// A product leaves the filter gradient of bfloat16 images as float32 sums: only factors are rounded, and those here are bfloat16 already.
TEST_F(Engines, AProductDoesNotRoundTheFilterGradient) {
  emulated::cudnn_settings().all_engines_fail = true;
  const Tensor x = drawn({2, 6, 6, 104}, 1).to(DType::bf16), dy = drawn({2, 6, 6, 8}, 4).to(DType::bf16);
  const auto filter_gradient = [&](Device device, DType dtype) {
    const Tensor w = drawn({8, 1, 1, 104}, 2).to(device);
    Tape tape({w});
    tape.backward(conv2d(x.to(device).to(dtype), w, {}), dy.to(device).to(dtype));
    return std::vector<std::vector<float>>{tape.gradient(w).to_host<float>()};
  };
  expect_near(filter_gradient(gpu_, DType::bf16), filter_gradient({}, DType::f32), 1e-5f);
}

// y = relu(x * w + residual + bias) and dx += ... by one plan, or in two passes where there is none that runs.
TEST_F(Engines, WhatFollowsAConvolutionIsPartOfItOrAPassOfItsOwn) {
  const auto fused = [](std::int64_t channels, std::int64_t side, Device device) {
    const Tensor x = drawn({2, 6, 6, channels}, 1).to(device), w = drawn({8, side, side, channels}, 2).to(device);
    const Tensor bias = drawn({8}, 5).to(device), residual = drawn({2, 6, 6, 8}, 6).to(device);
    const ConvOptions options{.pad = side / 2};
    Tape tape({x});
    const Tensor y = conv2d_fused(x, w, bias, residual, true, options),
                 z = conv2d_fused(x, w, bias, {}, false, options);
    tape.backward(add(y, z), drawn({2, 6, 6, 8}, 4).to(device));
    return std::vector<std::vector<float>>{y.to_host<float>(), z.to_host<float>(), tape.gradient(x).to_host<float>()};
  };
  for (const bool autotune : {true, false}) {
    cuda_settings().autotune = autotune;
    const std::int64_t channels = autotune ? 88 : 96;
    expect_near(fused(channels, 3, gpu_), fused(channels, 3, {}), 1e-5f);
    emulated::cudnn_settings().all_engines_fail = true;  // the product is left, and what is added to it
    expect_near(fused(channels, 1, gpu_), fused(channels, 1, {}), 1e-5f);
    emulated::cudnn_settings() = {};
  }
}

// 3x3 convolutions of float32 go on where cuDNN has nothing, masks, sums and what follows a convolution included: with Winograd's algorithm.
TEST_F(Engines, WinogradNeedsNoPlan) {
  const auto block = [](std::int64_t channels, Device device) {
    const auto number = [&](Shape shape, std::uint64_t which) { return drawn(shape, which).to(device); };
    const Shape filter = {channels, 3, 3, channels};
    const Tensor x = number({2, 6, 7, channels}, 1), w = number(filter, 2), bias = number({channels}, 5);
    Tape tape({x, w});
    const Tensor a = relu(conv2d(x, w, {.pad = 1}));
    const Tensor h = conv2d_fused(a, number(filter, 3), bias, {}, true, {.pad = 1});
    const Tensor y = conv2d_fused(h, number(filter, 4), bias, a, true, {.pad = 1});
    tape.backward(y, number(y.shape(), 6));
    return std::vector<std::vector<float>>{y.to_host<float>(), tape.gradient(x).to_host<float>(),
                                           tape.gradient(w).to_host<float>()};
  };
  emulated::cudnn_settings().all_engines_fail = true;
  for (const bool autotune : {true, false}) {
    cuda_settings().autotune = autotune;
    const std::int64_t channels = autotune ? 20 : 28;
    expect_near(block(channels, gpu_), block(channels, {}), 1e-5f);
  }
  cuda_settings().allow_tf32 = true;
  EXPECT_THROW((void)block(36, gpu_), Error);
}

// Strided convolutions go on by products with patches, shortcuts whose gradient is added included.
TEST_F(Engines, PatchesNeedNoPlan) {
  const auto block = [](std::int64_t channels, Device device, DType dtype) {
    const auto number = [&](Shape shape, std::uint64_t which) { return drawn(shape, which).to(device); };
    const Tensor x = number({2, 7, 6, channels}, 1).to(dtype), w = number({16, 3, 3, channels}, 2);
    const Tensor shortcut = number({16, 1, 1, channels}, 3);
    Tape tape({x, w, shortcut});
    const Tensor y = add(conv2d(x, w, {.stride = 2, .pad = 1}), conv2d(x, shortcut, {.stride = 2}));
    tape.backward(y, number(y.shape(), 6).to(dtype));
    std::vector<std::vector<float>> results = {y.to(DType::f32).to_host<float>()};
    for (const Tensor& t : {x, w, shortcut}) results.push_back(tape.gradient(t).to(DType::f32).to_host<float>());
    return results;
  };
  emulated::cudnn_settings().all_engines_fail = true;
  for (const bool tf32 : {false, true})
    for (const bool autotune : {true, false}) {
      cuda_settings() = {.allow_tf32 = tf32, .autotune = autotune};
      const std::int64_t channels = 24 + (tf32 ? 8 : 0) + (autotune ? 16 : 0);
      expect_near(block(channels, gpu_, DType::f32), block(channels, {}, DType::f32), tf32 ? 2e-2f : 1e-5f);
    }
  EXPECT_THROW((void)block(64, gpu_, DType::bf16), Error);  // overlapping patches' gradient
  // Patches that do not overlap, in bfloat16, which the CPU may not have: against float32.
  const auto shortcut = [](Device device, DType dtype) {
    const Tensor x = drawn({2, 7, 6, 24}, 1).to(device).to(dtype), w = drawn({16, 1, 1, 24}, 2).to(device);
    Tape tape({x, w});
    const Tensor y = conv2d(x, w, {.stride = 2});
    tape.backward(y, drawn(y.shape(), 3).to(device).to(dtype));
    std::vector<std::vector<float>> results;
    for (const Tensor& t : {y, tape.gradient(x), tape.gradient(w)})
      results.push_back(t.to(DType::f32).to_host<float>());
    return results;
  };
  expect_near(shortcut(gpu_, DType::bf16), shortcut({}, DType::f32), 2e-2f);
}

// A residual block between two convolutions, as an attack sees it: three ReLUs whose gradients are masked, that of the block's input after the
// shortcut's was added.
TEST_F(Engines, GradientsOfFusedReluPassResidualBlocks) {
  const auto gradients = [](std::int64_t channels, Device device, std::int64_t side) {
    const auto filter = [&](std::int64_t to, std::int64_t side, std::int64_t from, std::uint64_t which) {
      return drawn({to, side, side, from}, which).to(device);
    };
    const Tensor x = drawn({2, 6, 6, channels}, 1).to(device), bias = drawn({channels}, 5).to(device);
    Tape tape({x});
    const ConvOptions options{.stride = 1, .pad = side / 2};
    const Tensor a = conv2d_fused(x, filter(channels, side, channels, 2), bias, {}, true, options);
    const Tensor h = conv2d_fused(a, filter(channels, side, channels, 3), bias, {}, true, options);
    const Tensor y = conv2d_fused(h, filter(channels, side, channels, 4), bias, a, true, options);
    const Tensor z =
        conv2d_fused(y, filter(8, 1, channels, 6), drawn({8}, 7).to(device), {}, false, {.stride = side > 1 ? 2 : 1});
    tape.backward(z, drawn(z.shape(), 8).to(device));
    return std::vector<std::vector<float>>{tape.gradient(x).to_host<float>()};
  };
  for (const char* winograd : {"0", "1"}) {
    setenv("KELVIN_WINOGRAD", winograd, 1);
    expect_near(gradients(16, gpu_, 3), gradients(16, {}, 3), 1e-5f);
  }
  unsetenv("KELVIN_WINOGRAD");
  emulated::cudnn_settings().first_engine_fails = true;
  cuda_settings().autotune = false;
  expect_near(gradients(72, gpu_, 3), gradients(72, {}, 3), 1e-5f);
  emulated::cudnn_settings().all_engines_fail = true;  // the products are left, and a pass that adds
  expect_near(gradients(80, gpu_, 1), gradients(80, {}, 1), 1e-5f);
}

TEST_F(Engines, AttentionThatDisagreesIsNotUsed) {
  emulated::cudnn_settings().has_a_wrong_fused_engine = true;
  const Tensor qkv = drawn({2, 13, 3, 2, 16}, 3).to(DType::bf16);
  ::testing::internal::CaptureStderr();
  const auto got = attention(qkv.to(gpu_)).to(DType::f32).to_host<float>();
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("cuDNN's engine 4 is not used for attention forward"),
            std::string::npos);
  const auto expected = attention(qkv).to(DType::f32).to_host<float>();
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 0.03f);  // bfloat16, values below 4
}

}  // namespace
}  // namespace kelvin
