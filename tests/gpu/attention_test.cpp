// On a GPU: attention in bfloat16 goes through cuDNN's fused graph for every vision transformer, agrees with the CPU and repeats bit for
// bit. Skipped, by name, where there is none.
#include "engine/ops/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/tape.h"
#include "kernels/device/cuda_device.h"
#include "kernels/device/profile.h"
#include "kernels/random_fill.h"
#include "tests/gpu/workload.h"

namespace kelvin {
namespace {

struct Result {
  std::vector<float> y, dqkv;
};

Tensor drawn(Shape shape, const char* name, DType dtype) {
  const Tensor x = Tensor::empty(shape, DType::f32);
  fill_normal(Cpu{}, x.view<float>(), {1, random_stream(name)}, 0, 1);
  return x.to(DType::bf16).to(dtype);
}

Result run(Shape shape, DType dtype, Device device) {
  const Tensor qkv = drawn(shape, "qkv", dtype).to(device);
  const Tensor dy = drawn({shape[0], shape[1], shape[3] * shape[4]}, "dy", dtype).to(device);
  Tape tape({qkv});
  const Tensor y = attention(qkv);
  tape.backward(y, dy);
  return {y.to(DType::f32).to_host<float>(), tape.gradient(qkv).to(DType::f32).to_host<float>()};
}

// ‖a − b‖ / ‖b‖ over one of `parts` interleaved columns of `width`
double error(const std::vector<float>& a, const std::vector<float>& b, std::size_t width, std::size_t parts,
             std::size_t part) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (i / width % parts != part) continue;
    difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / norm);
}

TEST(AttentionOnGpu, IsFusedAndAgreesWithTheCpu) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  cuda_settings().autotune = false;  // the fused plan wherever there is one, not the fastest way
  for (const std::int64_t tokens : workload().attention_tokens)
    for (const std::int64_t heads : {3, 6}) {
      const Shape shape = {workload().attention_batch, tokens, 3, heads, 64};
      SCOPED_TRACE(str(shape));
      profile_enable(true);
      const Result got = run(shape, DType::bf16, {DeviceKind::cuda, cuda});
      profile_collect(*cuda);
      int fused = 0;
      for (const auto& [name, entry] : profile_entries()) fused += name.starts_with("fused attention") ? 1 : 0;
      EXPECT_EQ(fused, 2);  // forward and backward
      profile_enable(false);
      const Result again = run(shape, DType::bf16, {DeviceKind::cuda, cuda});
      EXPECT_TRUE(got.y == again.y);
      EXPECT_TRUE(got.dqkv == again.dqkv);
      // bfloat16 keeps 8 bits: results, P and dS are each off by 2^-9 at most, relative to themselves.
      const Result expected = run(shape, DType::f32, {});
      EXPECT_LT(error(got.y, expected.y, 1, 1, 0), 1e-2);
      const auto width = static_cast<std::size_t>(heads * 64);
      for (std::size_t part = 0; part < 3; ++part)
        EXPECT_LT(error(got.dqkv, expected.dqkv, width, 3, part), 2e-2) << "qkv"[part];
    }
}

}  // namespace
}  // namespace kelvin
