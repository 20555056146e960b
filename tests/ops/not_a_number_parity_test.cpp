// A diverged training must show NaN: tests ReLU, BatchNorm, pooling and convolutions that end in a ReLU with NaN, and ReLU with infinities, on
// both devices, for elements in packs and elements after the last pack.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/ops/activation.h"
#include "engine/ops/batch_norm.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/pooling.h"
#include "engine/tape.h"
#include "engine/tensor.h"
#include "kernels/libraries/cuda_device.h"
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

// A NaN anywhere in a window is the maximum and gets the window's gradient; of two NaNs the last one.
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

struct FusedRelu {
  const char* name;
  Shape x, w;
  ConvOptions options;
  bool spreads = false;  // Winograd: the NaN also reaches the other outputs of the same tile
};
const FusedRelu kFusedRelus[] = {
    {"direct", {2, 6, 6, 8}, {16, 3, 3, 8}, {.pad = 1}},
    {"stride", {2, 7, 6, 8}, {16, 3, 3, 8}, {.stride = 2, .pad = 1}},
    {"pointwise", {2, 6, 6, 8}, {16, 1, 1, 8}, {}},
    {"winograd", {4, 16, 16, 32}, {32, 3, 3, 32}, {.pad = 1}, true},
    {"winograd of bfloat16", {1, 16, 16, 64}, {64, 3, 3, 64}, {.pad = 1}, true},
};
enum class Holds { image, bias, residual };

// Whether y[n, p, q, k] is made of what is NaN: pixel (0, 2, 3) of the image, bias 1, residual 5.
bool is_expected(const FusedRelu& c, Holds what, const Shape& y, std::int64_t i) {
  const std::int64_t k = i % y[3], q = i / y[3] % y[2], p = i / y[3] / y[2] % y[1], n = i / y[3] / y[2] / y[1];
  if (what == Holds::bias) return k == 1;
  if (what == Holds::residual) return i == 5;
  const std::int64_t row = 2 + c.options.pad - p * c.options.stride, col = 3 + c.options.pad - q * c.options.stride;
  return n == 0 && row >= 0 && row < c.w[1] && col >= 0 && col < c.w[2];
}

// With every algorithm of a device: a library's own ReLU, a product's, Winograd's, a separate pass.
TEST(KernelParity, ConvolutionsThatEndInAReluHandNotANumberOn) {
  for (const Device& device : devices())
    for (const DType dtype : {DType::f32, DType::bf16})
      for (const FusedRelu& c : kFusedRelus)
        for (const Holds what : {Holds::image, Holds::bias, Holds::residual}) {
          if (device.kind == DeviceKind::cpu && dtype == DType::bf16 && !has_bfloat16(Cpu{})) continue;
          SCOPED_TRACE(::testing::Message() << name_of(device.kind) << " " << name_of(dtype) << " " << c.name
                                            << ", NaN in " << static_cast<int>(what));
          const Shape shape = conv2d_output_shape(c.x, c.w, c.options);
          std::vector<float> x = draw(c.x.size(), "x", -1, 1), bias = draw(c.w[0], "bias", -1, 1),
                             residual = draw(shape.size(), "residual", -1, 1);
          if (what == Holds::image) x[static_cast<std::size_t>((2 * c.x[2] + 3) * c.x[3])] = kNan;
          if (what == Holds::bias) bias[1] = kNan;
          if (what == Holds::residual) residual[5] = kNan;
          const auto image = [&](const std::vector<float>& values, const Shape& s) {
            return Tensor::from_host<float>(values, s).to(device).to(dtype);
          };
          const Tensor w = Tensor::from_host<float>(draw(c.w.size(), "w", -1, 1), c.w).to(device);
          const Tensor y = conv2d_fused(image(x, c.x), w, Tensor::from_host<float>(bias, {c.w[0]}).to(device),
                                        what == Holds::residual ? image(residual, shape) : Tensor(), true, c.options);
          const Floats got = floats_of(y);
          std::size_t zeros = 0;
          for (std::size_t i = 0; i < got.size(); ++i) {
            const bool expected = is_expected(c, what, shape, static_cast<std::int64_t>(i));
            const bool may_be =
                c.spreads && what == Holds::image && i < got.size() / static_cast<std::size_t>(shape[0]);
            ASSERT_TRUE(std::isnan(got[i]) == expected || (may_be && std::isnan(got[i]))) << "element " << i;
            if (std::isnan(got[i])) continue;
            ASSERT_GE(got[i], 0.0f);
            if (got[i] == 0.0f) ++zeros;
          }
          EXPECT_GT(zeros, got.size() / 8);
        }
}

}  // namespace
}  // namespace kelvin::testing
