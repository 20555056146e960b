// Who masks the gradient of a ReLU's output: the last step that adds to it where its kernel can, otherwise the tape; once, and the same bits.
#include <gtest/gtest.h>

#include "engine/ops/activation.h"
#include "engine/ops/conv2d.h"
#include "engine/tape.h"
#include "kernels/arrays/random_fill.h"

namespace kelvin {
namespace {

Tensor vector_of(std::vector<float> values) {
  return Tensor::from_host<float>(values, {static_cast<std::int64_t>(values.size())});
}

// max(x, 0), whose backward relies on the tape for the mask.
Tensor rectified(const Tensor& x) {
  std::vector<float> y = x.to_host<float>();
  for (float& v : y) v = v > 0 ? v : 0;
  return record("rectified", vector_of(y), {x}, [](const Tensor& dy, Grads& g) { g.add(0, dy); }, {.rectified = true});
}

class RectifiedGradients : public ::testing::Test {
 protected:
  // factor·x, whose backward adds and masks by itself and notes what it was asked: "<name>", " adds", " masks".
  Tensor scaled(const Tensor& x, float factor, const std::string& name) {
    std::vector<float> y = x.to_host<float>();
    for (float& v : y) v *= factor;
    return record("scaled", vector_of(y), {x}, [=, this](const Tensor& dy, Grads& g) {
      g.add_by(0, dy.shape(), DType::f32, [&](const Tensor& dx, bool adds, const Tensor& mask) {
        asked_.push_back(name + (adds ? " adds" : "") + (mask ? " masks" : ""));
        const auto to = dx.view<float>();
        for (std::int64_t i = 0; i < dx.size(); ++i) {
          to[i] = factor * dy.view<float>()[i] + (adds ? to[i] : 0.0f);
          if (mask && !(mask.view<float>()[i] > 0)) to[i] = 0;
        }
      });
    });
  }
  void expect_gradient(const Tape& tape, const std::vector<float>& expected) const {
    EXPECT_EQ(tape.gradient(x_).to_host<float>(), expected);
  }

  using Asked = std::vector<std::string>;
  const Tensor x_ = vector_of({-1, 0, 2});
  const Tensor dy_ = vector_of({1, 10, 100});
  Asked asked_;
};

TEST_F(RectifiedGradients, TheOnlyConsumerMasks) {
  Tape tape({x_});
  tape.backward(scaled(rectified(x_), 2, "a"), dy_);
  EXPECT_EQ(asked_, Asked{"a masks"});
  expect_gradient(tape, {0, 0, 200});
}

TEST_F(RectifiedGradients, OfTwoConsumersTheLastMasksTheSum) {
  Tape tape({x_});
  const Tensor r = rectified(x_);
  const Tensor a = scaled(r, 2, "a"), b = scaled(r, 3, "b");
  tape.backward(add(a, b), dy_);
  EXPECT_EQ(asked_, (Asked{"b", "a adds masks"}));
  expect_gradient(tape, {0, 0, 500});
}

// As in a residual block: the shortcut's gradient comes first.
TEST_F(RectifiedGradients, AShortcutIsMaskedWithThePathBesideIt) {
  Tape tape({x_});
  const Tensor r = rectified(x_);
  tape.backward(add(scaled(r, 2, "a"), r), dy_);
  EXPECT_EQ(asked_,
            Asked{"a"});  // the shortcut's gradient is y's, too, and not to be written to: the tape adds and masks
  expect_gradient(tape, {0, 0, 300});
}

TEST_F(RectifiedGradients, TheTapeMasksWhereTheLastConsumerDoesNot) {
  Tape tape({x_});
  const Tensor r = rectified(x_);
  const Tensor plain = relu(r);  // adds by itself
  tape.backward(add(plain, scaled(r, 2, "a")), dy_);
  EXPECT_EQ(asked_, Asked{"a"});
  expect_gradient(tape, {0, 0, 300});
}

TEST_F(RectifiedGradients, StepsThatNoGradientReachesCountAsWalked) {
  Tape tape({x_});
  const Tensor r = rectified(x_);
  const Tensor a = scaled(r, 2, "a");
  (void)scaled(r, 5, "dead");
  tape.backward(a, dy_);
  EXPECT_EQ(asked_, Asked{"a masks"});
  expect_gradient(tape, {0, 0, 200});
}

// Whether an earlier step will add something is not known before it is reached.
TEST_F(RectifiedGradients, AnEarlierStepThatIsNeverReachedLeavesTheMaskToTheTape) {
  Tape tape({x_});
  const Tensor r = rectified(x_);
  (void)scaled(r, 5, "dead");
  tape.backward(scaled(r, 2, "a"), dy_);
  EXPECT_EQ(asked_, Asked{"a"});
  expect_gradient(tape, {0, 0, 200});
}

TEST_F(RectifiedGradients, WhatIsNotTrackedIsNoUse) {
  const Tensor other = vector_of({1, 1, 1});
  Tape tape({x_});
  const Tensor r = rectified(x_);
  const Tensor a = scaled(r, 2, "a");
  {
    const TapePause pause;
    (void)scaled(r, 5, "paused");
  }
  (void)rectified(other);
  tape.backward(a, dy_);
  EXPECT_EQ(asked_, Asked{"a masks"});
  expect_gradient(tape, {0, 0, 200});
}

// One step with two uses of r does not know which of its own additions is the last.
TEST_F(RectifiedGradients, TwoUsesInOneStepAreMaskedByTheTape) {
  Tape tape({x_});
  const Tensor r = rectified(x_);
  const Tensor y = record("both", vector_of({0, 0, 0}), {r, r}, [&](const Tensor& dy, Grads& g) {
    for (const int i : {0, 1})
      g.add_by(i, dy.shape(), DType::f32, [&](const Tensor& dx, bool adds, const Tensor& mask) {
        EXPECT_FALSE(mask);
        for (std::int64_t k = 0; k < dx.size(); ++k)
          dx.view<float>()[k] = dy.view<float>()[k] + (adds ? dx.view<float>()[k] : 0);
      });
  });
  tape.backward(y, dy_);
  expect_gradient(tape, {0, 0, 200});
}

TEST_F(RectifiedGradients, AnInnerTapeKnowsNothingOfTheOuterOnesMask) {
  Tape outer({x_});
  const Tensor r = rectified(x_);
  {
    Tape inner({r});
    inner.backward(scaled(r, 2, "inner"), dy_);
    EXPECT_EQ(inner.gradient(r).to_host<float>(), (std::vector<float>{2, 20, 200}));
  }
  outer.backward(scaled(r, 3, "outer"), dy_);
  EXPECT_EQ(asked_, (Asked{"inner", "outer masks"}));
  expect_gradient(outer, {0, 0, 300});
}

TEST_F(RectifiedGradients, AGradientThatOthersHoldIsNotOverwritten) {
  Tape tape({x_});
  const Tensor r = rectified(x_);
  tape.backward(r, dy_);
  EXPECT_EQ(dy_.to_host<float>(), (std::vector<float>{1, 10, 100}));
  expect_gradient(tape, {0, 0, 100});
}

// bfloat16 gradients of a float32 ReLU: no kernel has a mask for them, the tape does.
TEST_F(RectifiedGradients, AGradientOfAnotherTypeIsMaskedByTheTape) {
  Tape tape({x_});
  const Tensor r = rectified(x_);
  const Tensor y = record("narrow", vector_of({0, 0, 0}), {r}, [&](const Tensor& dy, Grads& g) {
    g.add_by(0, dy.shape(), DType::bf16, [&](const Tensor& dx, bool, const Tensor& mask) {
      EXPECT_FALSE(mask);
      dx.copy_from(dy.to(DType::bf16));
    });
  });
  tape.backward(y, dy_);
  EXPECT_EQ(tape.gradient(x_).to(DType::f32).to_host<float>(), (std::vector<float>{0, 0, 100}));
}

// `reshape` keeps a tensor's identity: the gradient is asked for in the shape in which the convolution saw its input.
TEST(RectifiedConvolutions, TakeAReshapedInput) {
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
TEST(RectifiedConvolutions, GiveTheGradientOfConvolutionThenRelu) {
  const auto drawn = [](Shape shape, std::uint64_t which) {
    const Tensor t = Tensor::empty(shape, DType::f32);
    fill_normal(Cpu{}, t.view<float>(), {which, random_stream("rectified")}, 0, 0.3f);
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
