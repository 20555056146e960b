// Products of float32 matrices on tensor cores with split factors, on the CUDA device, real or emulated, against float64: every layout and tiling,
// shapes that fill a tile and that do not, batches, sums in parts, everything that follows the product; and that they are as accurate as float32.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <ostream>
#include <vector>

#include "engine/tensor.h"
#include "kernels/device/step_graph.h"
#include "kernels/products/cuda_matmul.h"
#include "kernels/products/split_matmul.h"
#include "tests/ops/cuda_test.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

struct Case {
  std::int64_t m, n, k, count = 1, parts = 1;
  bool residual = false, is_in_place = false, bias = false, relu = false;
  std::int64_t padding = 0;  // unused elements at the end of a row
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.count << " x [" << c.m << ", " << c.k << "] x [" << c.k << ", " << c.n << "], " << c.parts
       << " parts, residual " << c.residual << c.is_in_place << ", bias " << c.bias << ", relu " << c.relu
       << ", padding " << c.padding;
}

const std::vector<Case> kCases = {
    {.m = 128, .n = 64, .k = 16},
    {.m = 4, .n = 4, .k = 4},
    {.m = 132, .n = 68, .k = 20},
    {.m = 100, .n = 60, .k = 84, .count = 3, .padding = 4},
    {.m = 260, .n = 132, .k = 48, .residual = true, .bias = true, .relu = true},
    {.m = 64, .n = 128, .k = 36, .residual = true, .is_in_place = true, .padding = 8},
    {.m = 140, .n = 20, .k = 100, .count = 2, .parts = 3, .residual = true, .is_in_place = true, .padding = 4},
    {.m = 36, .n = 64, .k = 300, .parts = 5, .residual = true, .bias = true, .relu = true},
    {.m = 8, .n = 12, .k = 64, .parts = 7},
};

class SplitMatmulParity : public CudaTest {
 protected:
  // [count, rows, cols + padding], NaN in the padding, which must not be read.
  [[nodiscard]] Floats drawn(const char* name, std::int64_t count, std::int64_t rows, std::int64_t cols,
                             std::int64_t padding) const {
    Floats all = draw(count * rows * (cols + padding), name, -1, 1);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (static_cast<std::int64_t>(i) % (cols + padding) >= cols) all[i] = NAN;
    return all;
  }
  [[nodiscard]] Tensor placed(const Floats& values) const {
    return Tensor::from_host<float>(values, {static_cast<std::int64_t>(values.size())}, gpu_);
  }
};

TEST_F(SplitMatmulParity, AgreesWithFloat64) {
  for (const Case& c : kCases)
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true})
        for (const bool in_pairs : {false, true}) {
          if (transpose_a && transpose_b) continue;
          SCOPED_TRACE(::testing::Message() << ::testing::PrintToString(c) << (transpose_a ? ", a transposed" : "")
                                            << (transpose_b ? ", b transposed" : "") << (in_pairs ? ", in pairs" : ""));
          const std::int64_t a_cols = transpose_a ? c.m : c.k, b_cols = transpose_b ? c.k : c.n,
                             y_pitch = c.n + c.padding;
          const std::int64_t a_pitch = a_cols + c.padding, b_pitch = b_cols + c.padding;
          const Floats a = drawn("a", c.count, transpose_a ? c.k : c.m, a_cols, c.padding);
          const Floats b = drawn("b", c.count, transpose_b ? c.n : c.k, b_cols, c.padding);
          const Floats before = drawn("residual", c.count, c.m, c.n, c.padding), bias = draw(c.n, "bias", -1, 1);
          const Tensor on_a = placed(a), on_b = placed(b), on_bias = placed(bias), residual = placed(before);
          const Tensor y = c.is_in_place ? residual : placed(Floats(before.size(), NAN));
          FloatProduct product{.m = c.m, .n = c.n, .k = c.k, .transpose_a = transpose_a, .transpose_b = transpose_b};
          product.y = y.view<float>().data;
          product.a = on_a.view<const float>().data;
          product.b = on_b.view<const float>().data;
          if (c.residual) product.residual = residual.view<const float>().data;
          if (c.bias) product.bias = on_bias.view<const float>().data;
          product.count = c.count;
          product.a_pitch = a_pitch;
          product.b_pitch = b_pitch;
          product.y_pitch = y_pitch;
          product.relu = c.relu;
          split_matmul(*cuda_, product, {in_pairs, c.parts});
          const Floats got = floats_of(y);
          const auto at = [](const Floats& v, std::int64_t i) {
            return static_cast<double>(v[static_cast<std::size_t>(i)]);
          };
          for (std::int64_t i = 0; i < c.count; ++i)
            for (std::int64_t row = 0; row < c.m; ++row)
              for (std::int64_t col = 0; col < c.n; ++col) {
                double sum = 0, magnitude = 1;
                for (std::int64_t t = 0; t < c.k; ++t) {
                  const double term =
                      at(a, transpose_a ? (i * c.k + t) * a_pitch + row : (i * c.m + row) * a_pitch + t) *
                      at(b, transpose_b ? (i * c.n + col) * b_pitch + t : (i * c.k + t) * b_pitch + col);
                  sum += term;
                  magnitude += std::abs(term);
                }
                const std::int64_t place = (i * c.m + row) * y_pitch + col;
                if (c.residual) sum += at(before, place);
                if (c.bias) sum += at(bias, col);
                if (c.relu) sum = std::max(sum, 0.0);
                // Of each term 2⁻²¹ at the most and 2⁻²³ as a rule, and a few roundings of the sum.
                ASSERT_NEAR(at(got, place), sum, 3e-7 * magnitude) << i << ", " << row << ", " << col;
              }
          for (std::int64_t i = 0; i < c.count * c.m * y_pitch; ++i)
            ASSERT_TRUE(i % y_pitch < c.n || std::isnan(at(got, i))) << "written between the rows, " << i;
        }
}

// Sums of 256 terms in float32, one after the other, are further from float64; had the tensor cores kept the sums or TF32's factors been all, ours
// would be.
TEST_F(SplitMatmulParity, IsAsAccurateAsFloat32) {
  const std::int64_t m = 128, n = 64, k = 256;
  Floats a = draw(m * k, "a", -1, 1), b = draw(n * k, "b", -1, 1);
  for (float& x : a) x *= 0x1p-80f;  // far beyond float16's range
  for (float& x : b) x *= 0x1p60f;
  std::vector<double> expected;
  double float_error = 0;
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0;
      float in_float = 0;
      for (std::int64_t t = 0; t < k; ++t) {
        const float left = a[static_cast<std::size_t>(i * k + t)], right = b[static_cast<std::size_t>(j * k + t)];
        sum += static_cast<double>(left) * static_cast<double>(right);
        in_float = std::fma(left, right, in_float);
      }
      expected.push_back(sum);
      float_error += std::pow(static_cast<double>(in_float) - sum, 2);
    }
  const Tensor on_a = Tensor::from_host<float>(a, {m, k}).to(gpu_), on_b = Tensor::from_host<float>(b, {n, k}).to(gpu_);
  for (const bool in_pairs : {false, true})
    for (const std::int64_t parts : {1, 2}) {
      const Tensor y = Tensor::full({m, n}, NAN, DType::f32, gpu_);
      FloatProduct product{.m = m, .n = n, .k = k, .transpose_b = true};
      product.y = y.view<float>().data;
      product.a = on_a.view<const float>().data;
      product.b = on_b.view<const float>().data;
      split_matmul(*cuda_, product, {in_pairs, parts});
      const Floats got = floats_of(y);
      double split_error = 0;
      for (std::size_t i = 0; i < got.size(); ++i)
        split_error += std::pow(static_cast<double>(got[i]) - expected[i], 2);
      EXPECT_LT(std::sqrt(split_error), std::sqrt(float_error)) << in_pairs << ", " << parts << " parts";
    }
}

// Through matmul.cu, which passes on shapes, pitches, residual and bias; eagerly, and recorded and replayed.
class SplitMatmulServes : public SplitMatmulParity {
 protected:
  void SetUp() override {
    setenv("KELVIN_SPLIT_PRODUCTS", "always", 1);
    SplitMatmulParity::SetUp();
  }
  void TearDown() override { unsetenv("KELVIN_SPLIT_PRODUCTS"); }
};

TEST_F(SplitMatmulServes, Matmul) {
  std::int64_t m = 516;  // shapes that no other test uses: the algorithm is chosen when a shape is first met
  for (const MatmulOptions& o : {MatmulOptions{false, true}, {false, false}, {true, false}})
    for (const bool in_place : {false, true}) {
      const std::int64_t k = 36, n = 44;
      m += 4;
      SCOPED_TRACE(::testing::Message() << m << (o.transpose_a ? ", a transposed" : "")
                                        << (o.transpose_b ? ", b transposed" : "") << (in_place ? ", in place" : ""));
      const Tensor a =
          Tensor::from_host<float>(draw(m * k, "a", -1, 1), {o.transpose_a ? k : m, o.transpose_a ? m : k});
      const Tensor b =
          Tensor::from_host<float>(draw(n * k, "b", -1, 1), {o.transpose_b ? n : k, o.transpose_b ? k : n});
      const Tensor residual = Tensor::from_host<float>(draw(m * n, "residual", -1, 1), {m, n});
      const Tensor bias = Tensor::from_host<float>(draw(n + 1, "bias", -1, 1), {n + 1});
      const Tensor on_a = a.to(gpu_), on_b = b.to(gpu_), on_bias = bias.to(gpu_), on_residual = residual.to(gpu_);
      const Tensor y = in_place ? on_residual.clone() : Tensor::full({m, n}, NAN, DType::f32, gpu_);
      ASSERT_FALSE(split_tilings({.y = y.view<float>().data,
                                  .a = on_a.view<const float>().data,
                                  .b = on_b.view<const float>().data,
                                  .residual = on_residual.view<const float>().data,
                                  .m = m,
                                  .n = n,
                                  .k = k,
                                  .transpose_a = o.transpose_a,
                                  .transpose_b = o.transpose_b})
                       .empty());
      const auto step = [&] {
        if (in_place) y.copy_from(on_residual);
        const MatmulEpilogue<float> epilogue{(in_place ? y : on_residual).view<const float>(),
                                             on_bias.narrow(1, n).view<const float>(), true};
        matmul<float>(*cuda_, y.view<float>(), on_a.view<const float>(), on_b.view<const float>(), epilogue, o);
      };
      StepGraph graph(gpu_);
      for (int run = 0; run < 4; ++run) graph.run(step);  // twice as it is, recorded, replayed
      EXPECT_TRUE(graph.has_replayed());
      const Floats got = floats_of(y), a_values = floats_of(a), b_values = floats_of(b), before = floats_of(residual),
                   bias_values = floats_of(bias);
      for (std::int64_t i = 0; i < m * n; ++i) {
        const std::int64_t row = i / n, col = i % n;
        double sum = static_cast<double>(before[static_cast<std::size_t>(i)]) +
                     static_cast<double>(bias_values[static_cast<std::size_t>(col + 1)]);
        for (std::int64_t t = 0; t < k; ++t)
          sum += static_cast<double>(a_values[static_cast<std::size_t>(o.transpose_a ? t * m + row : row * k + t)]) *
                 static_cast<double>(b_values[static_cast<std::size_t>(o.transpose_b ? col * k + t : t * n + col)]);
        ASSERT_NEAR(got[static_cast<std::size_t>(i)], std::max(sum, 0.0), 4e-6)
            << i;  // some roundings of sums below 10
      }
    }
}

TEST_F(SplitMatmulServes, BatchedMatmul) {
  const std::int64_t count = 3, m = 76, k = 40, n = 28, padding = 4;
  const Floats a = drawn("a", count, m, k, padding), b = drawn("b", count, n, k, padding + 4);
  const Tensor on_a = placed(a), on_b = placed(b), y = placed(drawn("y", count, m, n, padding));
  batched_matmul(*cuda_, count, {y.view<float>().data, m, n, n + padding},
                 {on_a.view<const float>().data, m, k, k + padding},
                 {on_b.view<const float>().data, n, k, k + padding + 4}, {.transpose_b = true});
  const Floats got = floats_of(y);
  for (std::int64_t row = 0; row < count * m; ++row)
    for (std::int64_t col = 0; col < n; ++col) {
      double sum = 0;
      for (std::int64_t t = 0; t < k; ++t)
        sum += static_cast<double>(a[static_cast<std::size_t>(row * (k + padding) + t)]) *
               static_cast<double>(b[static_cast<std::size_t>((row / m * n + col) * (k + padding + 4) + t)]);
      ASSERT_NEAR(got[static_cast<std::size_t>(row * (n + padding) + col)], sum, 4e-6) << row << ", " << col;
    }
}

TEST_F(SplitMatmulParity, CompetesWhereItCan) {
  const auto at = [](std::uintptr_t address) { return reinterpret_cast<float*>(address); };  // only looked at
  FloatProduct p{
      .y = at(4096), .a = at(8192), .b = at(16384), .bias = at(4), .m = 8192, .n = 256, .k = 1024, .transpose_b = true};
  EXPECT_FALSE(split_tilings(p).empty());
  const auto without = [&](auto change) {
    FloatProduct changed = p;
    change(changed);
    return split_tilings(changed).empty();
  };
  EXPECT_TRUE(without([&](FloatProduct& q) { q.a = at(8200); }));
  EXPECT_TRUE(without([&](FloatProduct& q) { q.residual = at(4); }));
  EXPECT_TRUE(without([&](FloatProduct& q) { q.k = 1023; }));
  EXPECT_TRUE(without([&](FloatProduct& q) { q.y_pitch = 257; }));
  EXPECT_TRUE(without([&](FloatProduct& q) { q.transpose_a = true; }));
  EXPECT_TRUE(without([&](FloatProduct& q) { q.m = 16; }));  // too small to matter
  p = {.m = 128, .n = 64, .k = 131072, .transpose_a = true};
  ASSERT_FALSE(split_tilings(p).empty());
  EXPECT_GT(split_tilings(p).back().parts, 1) << "one tile for a whole GPU";
  setenv("KELVIN_SPLIT_PRODUCTS", "0", 1);
  EXPECT_TRUE(split_tilings(p).empty());
  unsetenv("KELVIN_SPLIT_PRODUCTS");
}

}  // namespace
}  // namespace kelvin::testing
