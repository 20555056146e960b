// A convolution with its ReLU inside gives the gradient of a convolution followed by a ReLU.
#include <gtest/gtest.h>

#include "engine/ops/activation.h"
#include "engine/ops/conv2d.h"
#include "engine/tape.h"
#include "kernels/arrays/random_fill.h"

namespace kelvin {
namespace {

// `reshape` keeps a tensor's identity: the gradient is asked for in the shape in which the convolution saw its input.
TEST(FusedConvolutions, TakeAReshapedInput) {
  const Tensor flat = Tensor::full({2, 784}, 1.0f), w = Tensor::full({4, 3, 3, 16}, 0.5f), bias = Tensor::zeros({4});
  Tape tape({flat});
  const Tensor images = flat.reshape({2, 7, 7, 16});
  tape.backward(add(conv2d(images, w, {.pad = 1}), conv2d_fused(images, w, bias, {}, true, {.pad = 1})),
                Tensor::full({2, 7, 7, 4}, 1.0f));
  const std::vector<float> dx = tape.gradient(flat).to_host<float>();
  EXPECT_EQ(dx[0], 2 * 4 * 4 * 0.5f);                 // a corner: four windows, four filters, twice
  EXPECT_EQ(dx[(3 * 7 + 3) * 16], 2 * 9 * 4 * 0.5f);  // the centre
}

// A residual block and what stands around it, in convolutions with and without their ReLU inside: the same gradient of the image.
TEST(FusedConvolutions, GiveTheGradientOfConvolutionThenRelu) {
  const auto drawn = [](Shape shape, std::uint64_t which) {
    const Tensor t = Tensor::empty(shape, DType::f32);
    fill_normal(Cpu{}, t.view<float>(), {which, random_stream("fused")}, 0, 0.3f);
    return t;
  };
  const Tensor image = drawn({2, 6, 6, 3}, 1), bias = Tensor::zeros({16}, DType::f32);
  const Tensor stem = drawn({16, 3, 3, 3}, 2), first = drawn({16, 3, 3, 16}, 3), second = drawn({16, 3, 3, 16}, 4);
  const Tensor projection = drawn({16, 1, 1, 16}, 5), down = drawn({16, 3, 3, 16}, 6);
  const auto gradient = [&](const auto& layer) {
    Tape tape({image});
    const Tensor a = layer(image, stem, Tensor(), true, 1, 1);
    const Tensor b = layer(layer(a, first, Tensor(), true, 1, 1), second, a, true, 1, 1);
    const Tensor shortcut = layer(b, projection, Tensor(), false, 2, 0);
    const Tensor c = layer(layer(b, down, Tensor(), true, 2, 1), second, shortcut, true, 1, 1);
    tape.backward(c, drawn(c.shape(), 7));
    return tape.gradient(image).to_host<float>();
  };
  using Residual = const Tensor&;
  const auto whole = gradient([&](const Tensor& x, const Tensor& w, Residual r, bool is_relu, int stride, int pad) {
    return conv2d_fused(x, w, bias, r, is_relu, {.stride = stride, .pad = pad});
  });
  const auto in_parts = gradient([&](const Tensor& x, const Tensor& w, Residual r, bool is_relu, int stride, int pad) {
    Tensor y = conv2d(x, w, {.stride = stride, .pad = pad});
    if (r) y = add(y, r);
    return is_relu ? relu(y) : y;
  });
  ASSERT_EQ(whole.size(), in_parts.size());
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(whole[i], in_parts[i], 1e-4f) << i;
}

}  // namespace
}  // namespace kelvin
