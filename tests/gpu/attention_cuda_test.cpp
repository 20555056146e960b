// On a GPU: attention goes through cuDNN's fused graph in bfloat16, for every vision transformer, and through matrix products in float32, agrees
// with the CPU and repeats bit for bit. Skipped, by name, where there is none.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/attention.h"
#include "engine/tape.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/attention/fused_attention.h"
#include "kernels/device/profile.h"
#include "tests/gpu/gpu_test.h"
#include "tests/gpu/workload.h"

namespace kelvin {
namespace {

class AttentionOnGpu : public GpuTest {};

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

TEST_F(AttentionOnGpu, IsFusedAndAgreesWithTheCpu) {
  for (const std::int64_t tokens : workload().attention_tokens)
    for (const std::int64_t heads : {3, 6}) {
      const Shape shape = {workload().attention_batch, tokens, 3, heads, 64};
      SCOPED_TRACE(str(shape));
      profile_enable(true);
      const Result got = run(shape, DType::bf16, gpu_);
      profile_collect(*gpu_.cuda);
      int fused = 0;
      for (const auto& [name, entry] : profile_entries()) fused += name.starts_with("fused attention") ? 1 : 0;
      EXPECT_EQ(fused, 2);  // forward and backward
      profile_enable(false);
      const Result again = run(shape, DType::bf16, gpu_);
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

// Heads that fill no 16 bytes, rows of scores that do not, one token.
TEST_F(AttentionOnGpu, IsProductsInFloat32AndAgreesWithTheCpu) {
  for (const Shape& shape :
       {Shape{2, 65, 3, 3, 64}, Shape{3, 7, 3, 2, 6}, Shape{2, 32, 3, 1, 8}, Shape{5, 1, 3, 2, 4}}) {
    SCOPED_TRACE(str(shape));
    profile_enable(true);
    const Result got = run(shape, DType::f32, gpu_);
    profile_collect(*gpu_.cuda);
    long products = 0;
    for (const auto& [name, entry] : profile_entries())
      if (name.find(" x matmul float32") != std::string::npos) products += entry.calls;
    EXPECT_EQ(products, 2 * (2 + 5));  // forward and backward, tried once and then run
    profile_enable(false);
    const Result again = run(shape, DType::f32, gpu_);
    EXPECT_TRUE(got.y == again.y);
    EXPECT_TRUE(got.dqkv == again.dqkv);
    const Result expected = run(shape, DType::f32, {});
    EXPECT_LT(error(got.y, expected.y, 1, 1, 0), 1e-5);  // the same sums in another order
    const auto width = static_cast<std::size_t>(shape[3] * shape[4]);
    for (std::size_t part = shape[1] == 1 ? 2 : 0; part < 3; ++part)  // one key: dq and dk are zero
      EXPECT_LT(error(got.dqkv, expected.dqkv, width, 3, part), 1e-5) << "qkv"[part];
  }
}

// If the scores of all images do not fit, some images are processed at a time.
TEST_F(AttentionOnGpu, ProductsOfSomeImagesAtATimeAreThoseOfAll) {
  const Shape shape{5, 9, 3, 2, 8}, out{5, 9, 16};
  const Tensor qkv = drawn(shape, "qkv", DType::f32).to(gpu_), dy = drawn(out, "dy", DType::f32).to(gpu_);
  std::vector<std::vector<float>> results;
  for (const std::int64_t images : {5, 2, 1}) {
    const Tensor y = Tensor::empty(out, DType::f32, gpu_), dqkv = Tensor::empty(shape, DType::f32, gpu_);
    const Tensor sums = Tensor::empty({5, 2, 9}, DType::f32, gpu_);
    const std::int64_t most = images * 2 * 9 * 9;
    product_attention_forward(*gpu_.cuda, y.view<float>(), sums.view<float>(), qkv.view<const float>(), most);
    product_attention_backward(*gpu_.cuda, dqkv.view<float>(), dy.view<const float>(), sums.view<const float>(),
                               qkv.view<const float>(), most);
    results.push_back(y.to_host<float>());
    for (const Tensor* const t : {&sums, &dqkv}) {
      const std::vector<float> values = t->to_host<float>();
      results.back().insert(results.back().end(), values.begin(), values.end());
    }
  }
  for (const std::size_t i : {1, 2})
    EXPECT_LT(error(results[i], results[0], 1, 1, 0), 1e-5);  // cuBLASLt may sum in another order
}

}  // namespace
}  // namespace kelvin
