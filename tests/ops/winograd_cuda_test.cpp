// Winograd's 3x3 convolutions of float32 on the CUDA device, real or emulated, against the definition in float64: tiles that fit and that hang
// over the edge, channels in pairs and not, and everything that is applied as a result is stored.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <ostream>

#include "engine/tensor.h"
#include "kernels/convolution/winograd/cuda_convolve.h"
#include "kernels/device/error.h"
#include "tests/ops/cuda_test.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

// x [images, height, width, inputs], y [images, height, width, outputs]
struct Case {
  std::int64_t images, height, width, inputs, outputs;
  std::int64_t offset = 0;  // elements into their memory at which all tensors begin
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << "x [" << c.images << ", " << c.height << ", " << c.width << ", " << c.inputs << "], " << c.outputs
       << " outputs, offset " << c.offset;
}

const std::vector<Case> kCases = {
    {1, 4, 4, 2, 2},      {2, 1, 1, 3, 5},      {3, 7, 5, 6, 4},    {2, 9, 14, 31, 33},
    {1, 16, 16, 64, 64},  {5, 8, 8, 16, 24},    {5, 7, 9, 17, 16},  {40, 8, 8, 16, 24},
    {2, 6, 6, 16, 16, 1}, {2, 6, 6, 16, 16, 2}, {37, 13, 10, 8, 8}, {70, 12, 12, 16, 2},
};

using Doubles = std::vector<double>;

// For every pair of an output pixel and an input pixel that it sees: f(element of y, element of x, element of w), channels at 0.
template <class F>
void for_taps(const Case& c, const F& f) {
  for (std::int64_t n = 0; n < c.images; ++n)
    for (std::int64_t i = 0; i < c.height; ++i)
      for (std::int64_t j = 0; j < c.width; ++j)
        for (std::int64_t r = 0; r < 3; ++r)
          for (std::int64_t s = 0; s < 3; ++s) {
            const std::int64_t row = i + r - 1, col = j + s - 1;
            if (row < 0 || row >= c.height || col < 0 || col >= c.width) continue;
            f(((n * c.height + i) * c.width + j) * c.outputs, ((n * c.height + row) * c.width + col) * c.inputs,
              (r * 3 + s) * c.inputs);
          }
}

// What the direction leaves in its result, by the definition.
Doubles defined(const Case& c, ConvDirection direction, const Floats& x, const Floats& w, const Floats& y) {
  const auto at = [](const Floats& v, std::int64_t i) { return static_cast<double>(v[static_cast<std::size_t>(i)]); };
  Doubles out(direction == ConvDirection::forward         ? y.size()
              : direction == ConvDirection::backward_data ? x.size()
                                                          : w.size());
  for_taps(c, [&](std::int64_t y_first, std::int64_t x_first, std::int64_t w_first) {
    for (std::int64_t k = 0; k < c.outputs; ++k)
      for (std::int64_t i = 0; i < c.inputs; ++i) {
        const std::int64_t filter = k * 9 * c.inputs + w_first + i;
        switch (direction) {
          case ConvDirection::forward:
            out[static_cast<std::size_t>(y_first + k)] += at(x, x_first + i) * at(w, filter);
            break;
          case ConvDirection::backward_data:
            out[static_cast<std::size_t>(x_first + i)] += at(y, y_first + k) * at(w, filter);
            break;
          case ConvDirection::backward_filter:
            out[static_cast<std::size_t>(filter)] += at(y, y_first + k) * at(x, x_first + i);
        }
      }
  });
  return out;
}

double root_mean_square(const Doubles& v) {
  double sum = 0;
  for (const double a : v) sum += a * a;
  return std::sqrt(sum / static_cast<double>(v.size()));
}

class WinogradParity : public CudaTest {
 protected:
  [[nodiscard]] Tensor placed(const Case& c, const Floats& values) const {
    return begins_at(c.offset, values, {static_cast<std::int64_t>(values.size())}, gpu_);
  }

  // Sets up the numbers of a case, runs `problem` on them and returns its result; `expected` is by the definition, with the same extras.
  void run(const Case& c, ConvProblem problem) {
    problem.dtype = DType::f32;
    problem.x = {c.images, c.height, c.width, c.inputs};
    problem.w = {c.outputs, 3, 3, c.inputs};
    problem.pad = 1;
    const std::int64_t pixels = c.images * c.height * c.width;
    const Floats x = draw(pixels * c.inputs, "x", -1, 1), w = draw(9 * c.inputs * c.outputs, "w", -1, 1),
                 y = draw(pixels * c.outputs, "y", -1, 1);
    expected_ = defined(c, problem.direction, x, w, y);
    scale_ = root_mean_square(expected_);
    const auto n = static_cast<std::int64_t>(expected_.size());
    const Floats residual = draw(n, "residual", -3, 3), bias = draw(c.outputs, "bias", -3, 3),
                 sum = draw(n, "sum", -3, 3);
    for (std::size_t i = 0; i < expected_.size(); ++i) {
      double& v = expected_[i];
      if (problem.has_residual) v += static_cast<double>(residual[i]);
      if (problem.has_bias) v += static_cast<double>(bias[i % bias.size()]);
      if (problem.adds) v += static_cast<double>(sum[i]);
      if (problem.relu) v = std::max(v, 0.0);
    }
    const Tensor result = placed(c, problem.adds ? sum : Floats(expected_.size(), NAN));
    const Tensor images = placed(c, x), filters = placed(c, w), outputs = placed(c, y);
    const Tensor others[] = {placed(c, residual), placed(c, bias)};
    const auto address = [](const Tensor& t) -> const void* { return t.view<const float>().data; };
    ConvTensors t{.x = address(images), .w = address(filters), .y = address(outputs)};
    (problem.direction == ConvDirection::forward         ? t.y
     : problem.direction == ConvDirection::backward_data ? t.x
                                                         : t.w) = address(result);
    if (problem.has_residual) t.residual = address(others[0]);
    if (problem.has_bias) t.bias = address(others[1]);
    winograd::cuda_convolve(*cuda_, problem, t);
    got_ = floats_of(result);
  }

  // Relative to what the convolution alone amounts to.
  [[nodiscard]] double error() const {
    Doubles difference(expected_.size());
    for (std::size_t i = 0; i < difference.size(); ++i) difference[i] = static_cast<double>(got_[i]) - expected_[i];
    return root_mean_square(difference) / scale_;
  }

  Doubles expected_;
  Floats got_;
  double scale_ = 1;
};

// float32's own 6e-8, times what the transforms cost and the square root of the longest sum; a tile gone wrong costs a hundredth at the least.
constexpr double kTolerance = 3e-6;

TEST_F(WinogradParity, EveryDirection) {
  for (const Case& c : kCases)
    for (const ConvDirection direction :
         {ConvDirection::forward, ConvDirection::backward_data, ConvDirection::backward_filter}) {
      run(c, {.direction = direction});
      EXPECT_LT(error(), kTolerance) << describe({.direction = direction}) << " of " << ::testing::PrintToString(c);
    }
}

TEST_F(WinogradParity, WhatIsAppliedAsAResultIsStored) {
  for (const Case& c : kCases)
    for (const bool first : {false, true})
      for (const bool second : {false, true})
        for (const bool third : {false, true}) {
          run(c, {.has_residual = first, .has_bias = second, .relu = third});
          EXPECT_LT(error(), kTolerance) << ::testing::PrintToString(c) << first << second << third;
          if (second || third) continue;
          run(c, {.direction = ConvDirection::backward_data, .adds = first});
          EXPECT_LT(error(), kTolerance) << ::testing::PrintToString(c) << first;
        }
}

// The points of interpolation are worth their crooked numbers: with 1 and 2 these would be 7.2e-7 to 8.2e-7 instead of 4.1e-7. The sums are
// short, so that the transforms' errors show.
TEST_F(WinogradParity, IsAsAccurateAsPromised) {
  run({2, 16, 16, 2, 64}, {.direction = ConvDirection::forward});
  EXPECT_LT(error(), 5.5e-7);
  run({2, 16, 16, 64, 2}, {.direction = ConvDirection::backward_data});
  EXPECT_LT(error(), 5.5e-7);
  run({1, 4, 8, 64, 64}, {.direction = ConvDirection::backward_filter});
  EXPECT_LT(error(), 5.5e-7);
}

TEST_F(WinogradParity, RepeatsBitForBit) {
  for (const ConvDirection direction :
       {ConvDirection::forward, ConvDirection::backward_data, ConvDirection::backward_filter}) {
    run(kCases.back(), {.direction = direction});
    const Floats first = got_;
    run(kCases.back(), {.direction = direction});
    EXPECT_TRUE(first == got_) << describe({.direction = direction});
  }
}

using WinogradFits = CudaTest;
TEST_F(WinogradFits, WideConvolutionsOfFloat32WithoutTf32) {
  const ConvProblem fits = {.dtype = DType::f32, .x = {256, 32, 32, 64}, .w = {64, 3, 3, 64}, .pad = 1};
  EXPECT_TRUE(winograd::is_fit(fits));
  EXPECT_EQ(winograd::scratch_bytes(fits), 256 * 64 * 36 * 128 * 4);
  setenv("KELVIN_WINOGRAD", "0", 1);
  EXPECT_FALSE(winograd::is_fit(fits));
  unsetenv("KELVIN_WINOGRAD");
  const auto fits_with = [&](const auto& change) {
    ConvProblem p = fits;
    change(p);
    return winograd::is_fit(p);
  };
  EXPECT_FALSE(fits_with([](ConvProblem& p) { p.dtype = DType::bf16; }));
  EXPECT_FALSE(fits_with([](ConvProblem& p) { p.allow_tf32 = true; }));
  EXPECT_FALSE(fits_with([](ConvProblem& p) { p.stride = 2; }));
  EXPECT_FALSE(fits_with([](ConvProblem& p) { p.pad = 0; }));
  EXPECT_FALSE(fits_with([](ConvProblem& p) { p.w = {64, 1, 1, 64}; }));
  EXPECT_FALSE(fits_with([](ConvProblem& p) { p.x[3] = p.w[3] = 4; }));
}

}  // namespace
}  // namespace kelvin::testing
