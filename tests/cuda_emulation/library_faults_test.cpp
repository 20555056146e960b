// Features that NVIDIA's libraries may lack or that differ from their documentation, and how Kelvin handles that. Every test uses its own shapes,
// because a choice is remembered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/attention.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/linear.h"
#include "engine/tape.h"
#include "engine/tensor.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/device/notes.h"
#include "kernels/libraries/cuda_device.h"
#include "tests/cuda_emulation/nvidia/cublas_lt.h"
#include "tests/cuda_emulation/nvidia/cudnn.h"

namespace kelvin {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LibraryFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    gpu_ = {DeviceKind::cuda, open_cuda(reason)};
    cuda_settings() = {};
  }
  void TearDown() override {
    cuda_settings() = {};
    emulated::cudnn_settings() = {};
    emulated::cublas_settings() = {};
  }
  static Tensor drawn(Shape shape, std::uint64_t which) {
    const Tensor x = Tensor::empty(shape, DType::f32);
    fill_normal(Cpu{}, x.view<float>(), {which, random_stream("library faults")}, 0, 1);
    return x;
  }
  static std::vector<float> floats(const Tensor& t) { return t.to(DType::f32).to_host<float>(); }
  // `relative_to_largest`: the tolerance, as a fraction of the largest expected value.
  static void expect_near(const std::vector<float>& got, const std::vector<float>& expected,
                          float relative_to_largest) {
    float largest = 0;
    for (const float v : expected) largest = std::max(largest, std::abs(v));
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(got[i], expected[i], relative_to_largest * largest) << i;
  }
  Device gpu_;
};

TEST_F(LibraryFaults, AReluThatDropsNotANumberIsAPassOfItsOwn) {
  std::int64_t channels = 8;
  for (const bool drops : {false, true})
    for (const bool autotune : {true, false})
      for (const DType dtype : {DType::f32, DType::bf16})
        for (const std::int64_t side : {1, 3}) {
          emulated::cudnn_settings().relu_drops_nan = emulated::cublas_settings().relu_drops_nan = drops;
          cuda_settings().autotune = autotune;
          channels += 8;
          const auto fused = [&](const Tensor& x, Device device, DType type) {
            const Tensor w = drawn({24, side, side, channels}, 2).to(device), bias = drawn({24}, 3).to(device);
            return floats(conv2d_fused(x.to(device).to(type), w, bias, {}, true, {.pad = side / 2}));
          };
          const Tensor x = drawn({2, 5, 6, channels}, 1);
          expect_near(fused(x, gpu_, dtype), fused(x, {}, DType::f32), dtype == DType::f32 ? 1e-5f : 2e-2f);
          const auto got = fused(Tensor::full(x.shape(), NAN), gpu_, dtype);
          for (std::size_t i = 0; i < got.size(); ++i)
            ASSERT_TRUE(std::isnan(got[i])) << name_of(dtype) << " " << side << " " << i;
        }
  EXPECT_THAT(notes_so_far(), Contains(HasSubstr("cuDNN's fused ReLU does not hand NaN on")));
  EXPECT_THAT(notes_so_far(), Contains(HasSubstr("cuBLASLt's ReLU does not hand NaN on")));
}

// bfloat16 images so large that cuDNN has engines for them only that add up in less: half of the images after the other, in all directions.
TEST_F(LibraryFaults, SumsInLessThanFloat32AreRefused) {
  const auto results = [](Device device, DType dtype) {
    const Tensor x = drawn({5, 6, 6, 12}, 1).to(device).to(dtype), w = drawn({8, 3, 3, 12}, 2).to(device);
    Tape tape({x, w});
    const Tensor y = conv2d(x, w, {.pad = 1});
    tape.backward(y, drawn(y.shape(), 4).to(device).to(dtype));
    return std::vector<Tensor>{y, tape.gradient(x), tape.gradient(w)};
  };
  emulated::cudnn_settings().most_elements = 2 * 6 * 6 * 16;  // two images, with channels as cuDNN is given them
  const auto got = results(gpu_, DType::bf16), expected = results({}, DType::f32);
  for (std::size_t r = 0; r < expected.size(); ++r) expect_near(floats(got[r]), floats(expected[r]), 2e-2f);
}

TEST_F(LibraryFaults, AProductWithoutAnAlgorithmIsSplit) {
  emulated::cublas_settings().has_no_algorithm = true;
  const auto product = [](std::int64_t rows, Device device, DType dtype) {
    const Tensor x = drawn({rows, 24}, 1).to(device).to(dtype), w = drawn({12, 24}, 2).to(device);
    return floats(linear(x, w, drawn({12}, 3).to(device)));
  };
  for (const bool autotune : {true, false}) {
    cuda_settings().autotune = autotune;
    const std::int64_t rows = autotune ? 20 : 28;
    expect_near(product(rows, gpu_, DType::f32), product(rows, {}, DType::f32), 1e-5f);
  }
  try {
    (void)product(36, gpu_, DType::bf16);
    ADD_FAILURE() << "there is no other way to a product of bfloat16";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("cuBLASLt has no algorithm for matmul bfloat16 [36, 24] x [24, 12]"));
  }
}

TEST_F(LibraryFaults, AttentionWithoutAPlanIsNoted) {
  // What is noted while attention of this shape goes forward and backward.
  const auto notes_of = [&](Shape shape) {
    const std::size_t before = notes_so_far().size();
    const Tensor qkv = drawn(shape, 3).to(gpu_).to(DType::bf16);
    Tape tape({qkv});
    const Tensor y = attention(qkv);
    tape.backward(y, drawn(y.shape(), 4).to(gpu_).to(DType::bf16));
    const auto notes = notes_so_far();
    return std::vector<std::string>(notes.begin() + static_cast<std::ptrdiff_t>(before), notes.end());
  };
  emulated::cudnn_settings().version = 91002;
  EXPECT_THAT(notes_of({2, 11, 3, 2, 16}),
              ElementsAre("bfloat16 attention goes backward by the plain kernels, without tensor cores: cuDNN 9.10.2 "
                          "is older than 9.16, the first whose answers can be trusted"));
  emulated::cudnn_settings() = {};
  const std::string heads = "heads of 28 numbers; cuDNN takes multiples of 8 up to 128";
  EXPECT_THAT(notes_of({2, 11, 3, 2, 28}),
              ElementsAre(HasSubstr("goes forward by the plain kernels, without tensor cores: " + heads),
                          HasSubstr("goes backward by the plain kernels, without tensor cores: " + heads)));
}

// Said once, however often it is met.
TEST_F(LibraryFaults, NotesAreOneLineEachAndSaidOnce) {
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) note_once("a reason\nof two lines");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "kelvin: note: a reason of two lines\n");
}

}  // namespace
}  // namespace kelvin
