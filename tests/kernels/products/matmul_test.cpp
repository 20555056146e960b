// Matrix products against double loops: every transposition, with and without bias, float32 and bfloat16.
#include "kernels/products/matmul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/convolution/conv2d.h"
#include "kernels/device/philox.h"

namespace kelvin {
namespace {

template <class T>
std::vector<T> draw(std::int64_t n, const char* stream) {
  std::vector<T> v;
  for (std::int64_t i = 0; i < n; ++i)
    v.push_back(T(2 * uniform01(philox({12, random_stream(stream)}, static_cast<std::uint64_t>(i))[0]) - 1));
  return v;
}

struct Case {
  std::int64_t m, n, k;
};

class MatmulTest : public ::testing::TestWithParam<Case> {};

template <class Out, class T>
void check(const Case& c, MatmulOptions options, bool has_bias) {
  const std::vector<T> a = draw<T>(c.m * c.k, "a"), b = draw<T>(c.k * c.n, "b");
  const std::vector<float> bias = draw<float>(c.n, "bias");
  std::vector<Out> y(static_cast<std::size_t>(c.m * c.n), Out(-77.0f));
  const Shape a_shape = options.transpose_a ? Shape{c.k, c.m} : Shape{c.m, c.k};
  const Shape b_shape = options.transpose_b ? Shape{c.n, c.k} : Shape{c.k, c.n};
  matmul<Out, T>(Cpu{}, {y.data(), {c.m, c.n}}, {a.data(), a_shape}, {b.data(), b_shape},
                 has_bias ? View<const float>{bias.data(), {c.n}} : View<const float>{}, options);
  for (std::int64_t i = 0; i < c.m; ++i)
    for (std::int64_t j = 0; j < c.n; ++j) {
      double expected = has_bias ? bias[static_cast<std::size_t>(j)] : 0.0;
      for (std::int64_t l = 0; l < c.k; ++l) {
        const float ail = float(a[static_cast<std::size_t>(options.transpose_a ? l * c.m + i : i * c.k + l)]);
        const float blj = float(b[static_cast<std::size_t>(options.transpose_b ? j * c.k + l : l * c.n + j)]);
        expected += static_cast<double>(ail) * blj;
      }
      // Sums of at most 513 products of size 1 in float32; a bfloat16 result (8 bits) is rounded once more, by 2^-8 of itself.
      const double tolerance = 5e-5 + (dtype_of<Out> == DType::bf16 ? std::abs(expected) / 256 : 0);
      ASSERT_NEAR(float(y[static_cast<std::size_t>(i * c.n + j)]), expected, tolerance)
          << "row " << i << ", column " << j << ", transposed a " << options.transpose_a << ", b "
          << options.transpose_b << ", bias " << has_bias;
    }
}

template <class Out, class T>
void check_all(const Case& c) {
  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true})
      for (const bool has_bias : {false, true}) check<Out, T>(c, {transpose_a, transpose_b}, has_bias);
}

TEST_P(MatmulTest, AgreesWithDoubleLoops) { check_all<float, float>(GetParam()); }

TEST_P(MatmulTest, AgreesWithDoubleLoopsInBFloat16) {
  if (!has_bfloat16(Cpu{})) GTEST_SKIP() << "this CPU has no bfloat16 products";
  check_all<float, bfloat16>(GetParam());
  check_all<bfloat16, bfloat16>(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Sizes, MatmulTest,
                         ::testing::Values(Case{1, 1, 1}, Case{1, 10, 64}, Case{128, 10, 64}, Case{31, 33, 17},
                                           Case{3, 100, 513}, Case{257, 7, 1}));

}  // namespace
}  // namespace kelvin
