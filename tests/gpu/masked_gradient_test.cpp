// On a GPU: data gradients in whose graph cuDNN applies a ReLU's mask, compiled for the shape, agree with the gradient and the mask in two
// passes and repeat bit for bit. Skipped, by name, where there is none.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/conv2d.h"
#include "engine/tape.h"
#include "kernels/arrays/random_fill.h"
#include "tests/gpu/gpu_test.h"
#include "tests/gpu/workload.h"

namespace kelvin {
namespace {

Tensor drawn(Shape shape, std::uint64_t which, Device device) {
  const Tensor x = Tensor::empty(shape, DType::f32);
  fill_normal(Cpu{}, x.view<float>(), {which, random_stream("masked gradients")}, 0, 1);
  return x.to(device);
}

// The gradient of the first images of a batch, behind a bottleneck with a shortcut: its 1x1, its 3x3 and its first convolution mask, the last of
// them after the shortcut's gradient was added.
std::vector<float> gradient(std::int64_t batch, DType dtype, Device device) {
  constexpr std::int64_t kWide = 64, kNarrow = 16;
  const std::int64_t side = workload().side;
  const auto filter = [&](std::int64_t to, std::int64_t size, std::int64_t from, std::uint64_t which) {
    return drawn({to, size, size, from}, which, device);
  };
  const Tensor all = drawn({workload().batch + 1, side, side, kWide}, 1, device);
  const Tensor x = all.narrow(0, batch).to(dtype);
  const Tensor wide = Tensor::zeros({kWide}, DType::f32, device), narrow = Tensor::zeros({kNarrow}, DType::f32, device);
  Tape tape({x});
  const Tensor a = conv2d_fused(x, filter(kWide, 1, kWide, 2), wide, {}, true, {});
  const Tensor b = conv2d_fused(a, filter(kNarrow, 1, kWide, 3), narrow, {}, true, {});
  const Tensor c = conv2d_fused(b, filter(kNarrow, 3, kNarrow, 4), narrow, {}, true, {.pad = 1});
  const Tensor y = conv2d_fused(c, filter(kWide, 1, kNarrow, 5), wide, a, true, {});
  tape.backward(y, drawn(all.shape(), 6, device).narrow(0, batch).to(dtype));
  std::vector<float> dx = tape.gradient(x).to(DType::f32).to_host<float>();
  dx.resize(static_cast<std::size_t>(workload().batch * side * side * kWide));
  return dx;
}

class MaskedGradientsOnGpu : public GpuTest {};

TEST_F(MaskedGradientsOnGpu, CompiledAgreeWithTwoPasses) {
  for (const DType dtype : {DType::bf16, DType::f32}) {
    SCOPED_TRACE(name_of(dtype));
    // The compiled plan wherever there is one. A way is remembered by its shape: the second batch is one image larger.
    cuda_settings() = {.allow_tf32 = true, .autotune = false, .compile = false, .deterministic = true};
    const std::vector<float> expected = gradient(workload().batch, dtype, gpu_);
    cuda_settings().compile = true;
    ::testing::internal::CaptureStderr();
    const std::vector<float> got = gradient(workload().batch + 1, dtype, gpu_);
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");  // no plan was refused
    EXPECT_TRUE(gradient(workload().batch + 1, dtype, gpu_) == got);
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      difference += std::pow(static_cast<double>(got[i]) - expected[i], 2);
      norm += std::pow(static_cast<double>(expected[i]), 2);
    }
    // Another rounding, and few ReLUs that fall on the other side for it. A mask gone wrong costs half.
    EXPECT_LT(std::sqrt(difference / norm), 5e-2);
    EXPECT_GT(norm, 0);
  }
  cuda_settings() = {};
}

}  // namespace
}  // namespace kelvin
