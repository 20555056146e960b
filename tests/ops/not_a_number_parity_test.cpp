// A training that has diverged must show it: what ReLU, BatchNorm and pooling do with NaN, and ReLU with the infinities, on both devices, in
// packs and beside them.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/ops/activation.h"
#include "engine/ops/batch_norm.h"
#include "engine/ops/pooling.h"
#include "engine/tape.h"
#include "engine/tensor.h"
#include "kernels/device/cuda_device.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

std::vector<Device> devices() {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  return cuda == nullptr ? std::vector<Device>{{}} : std::vector<Device>{{}, {DeviceKind::cuda, cuda}};
}

// 37 elements: whole lanes and packs, and some behind.
TEST(KernelParity, ReluHandsNotANumberOn) {
  const float specials[] = {kNan, -kNan, -kInfinity, kInfinity, -0.0f, -1e-38f, 1e-38f, -3.4e38f, 2.0f};
  std::vector<float> x;
  for (std::size_t i = 0; i < 37; ++i) x.push_back(specials[i % std::size(specials)]);
  for (const Device& device : devices())
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const Tensor given = Tensor::from_host<float>(x, {37}).to(dtype);
      const Floats in = floats_of(given), out = floats_of(relu(given.to(device)));
      for (std::size_t i = 0; i < out.size(); ++i) {
        EXPECT_EQ(std::isnan(out[i]), std::isnan(in[i])) << name_of(device.kind) << " " << name_of(dtype) << " " << i;
        if (std::isnan(in[i])) continue;
        EXPECT_EQ(out[i], std::max(in[i], Floats::value_type{0})) << name_of(device.kind) << " " << i;
      }
    }
}

// One NaN in a channel: its statistics are NaN and so is all of the channel, behind the ReLU too; the others are as they were.
TEST(KernelParity, BatchNormWithReluHandsNotANumberOn) {
  for (const std::int64_t channels : {16, 21}) {
    std::vector<float> x = draw(9 * channels, "x", -1, 1);
    x[static_cast<std::size_t>(4 * channels + 3)] = kNan;
    for (const Device& device : devices())
      for (const DType dtype : {DType::f32, DType::bf16}) {
        const Tensor ones = Tensor::full({channels}, 1, DType::f32, device);
        const BatchNormTensors norm{ones, ones, Tensor::zeros({channels}, DType::f32, device), ones.clone()};
        const Tensor given = Tensor::from_host<float>(x, {9, channels}).to(device).to(dtype);
        const Floats y = floats_of(batch_norm_train(given, norm, {}, true));
        for (std::size_t i = 0; i < y.size(); ++i)
          ASSERT_EQ(std::isnan(y[i]), i % static_cast<std::size_t>(channels) == 3)
              << name_of(device.kind) << " " << name_of(dtype) << " " << channels << " channels, element " << i;
      }
  }
}

// Wherever in its window a NaN stands, it is the maximum, and the window's gradient is its own: the last one's where there are two.
TEST(KernelParity, MaxPoolingHandsNotANumberOn) {
  for (const std::int64_t channels : {4, 3})  // in packs and not
    for (const Device& device : devices())
      for (const DType dtype : {DType::f32, DType::bf16})
        for (std::size_t first = 0; first < 4; ++first)
          for (std::size_t second = first; second < 4; ++second) {
            std::vector<float> x = draw(4 * channels, "x", -1, 1);
            for (const std::size_t pixel : {first, second}) x[pixel * static_cast<std::size_t>(channels) + 1] = kNan;
            const Tensor given = Tensor::from_host<float>(x, {1, 2, 2, channels}).to(device).to(dtype);
            Tape tape({given});
            const Tensor y = max_pool2d(given, {});
            tape.backward(y, Tensor::full(y.shape(), 1, DType::f32, device).to(dtype));
            const Floats maxima = floats_of(y), dx = floats_of(tape.gradient(given));
            for (std::size_t c = 0; c < maxima.size(); ++c)
              EXPECT_EQ(std::isnan(maxima[c]), c == 1) << name_of(device.kind) << " " << name_of(dtype);
            for (std::size_t pixel = 0; pixel < 4; ++pixel)
              EXPECT_EQ(dx[pixel * static_cast<std::size_t>(channels) + 1], pixel == second ? 1.0f : 0.0f)
                  << name_of(device.kind) << " " << name_of(dtype) << " " << first << " " << second;
          }
}

}  // namespace
}  // namespace kelvin::testing
