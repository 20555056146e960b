#include "kernels/attacks/pgd_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace kelvin {
namespace {

constexpr std::int64_t kImages = 3, kSide = 9, kPixels = kSide * kSide;
const Shape kShape{kImages, kSide, kSide, 1};

std::vector<float> draw(const char* stream) {
  std::vector<float> v(kImages * kPixels);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = uniform01(philox({3, random_stream(stream)}, i)[0]);
  v[0] = 0.0f;  // corners of the box, and values whose sum with ε rounds
  v[1] = 1.0f;
  v[2] = 1.0f / 255.0f;
  v[3] = 254.0f / 255.0f;
  return v;
}

// Membership in exact arithmetic: doubles hold the differences of float32 numbers in [0, 1] exactly enough.
void expect_inside(const std::vector<float>& x, const std::vector<float>& x0, float eps) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_GE(x[i], 0.0f);
    ASSERT_LE(x[i], 1.0f);
    ASSERT_LE(std::abs(static_cast<double>(x[i]) - static_cast<double>(x0[i])), static_cast<double>(eps)) << i;
  }
}

TEST(PgdStep, LinfNeverLeavesBallOrBox) {
  const std::vector<float> x0 = draw("x0");
  for (const float eps : {0.0f, 1e-7f, 1.0f / 255.0f, 8.0f / 255.0f, 0.1f, 1.0f})
    for (const float step : {eps / 4, 3 * eps, -eps}) {
      std::vector<float> x = x0, g(x0.size());
      for (int k = 0; k < 5; ++k) {
        for (std::size_t i = 0; i < g.size(); ++i) g[i] = uniform01(philox({k + 1ull, 9}, i)[0]) - 0.5f;
        pgd_step_linf(Cpu{}, {x.data(), kShape}, {x0.data(), kShape}, {g.data(), kShape}, {.eps = eps, .step = step});
        expect_inside(x, x0, eps);
      }
    }
}

TEST(PgdStep, ZeroGradientDoesNotMove) {
  const std::vector<float> x0 = draw("x0"), zero(x0.size(), 0.0f);
  std::vector<float> linf = x0, l2 = x0;
  pgd_step_linf(Cpu{}, {linf.data(), kShape}, {x0.data(), kShape}, {zero.data(), kShape}, {});
  pgd_step_l2(Cpu{}, {l2.data(), kShape}, {x0.data(), kShape}, {zero.data(), kShape}, {.eps = 1, .step = 0.1f});
  EXPECT_EQ(linf, x0);
  EXPECT_EQ(l2, x0);
}

TEST(PgdStep, TinyGradientMovesAsFarAsALargeOne) {
  const std::vector<float> x0(kImages * kPixels, 0.5f);
  for (const float size : {1e-45f, 1e-30f, 1.0f}) {
    std::vector<float> x = x0;
    const std::vector<float> g(x0.size(), size);
    pgd_step_linf(Cpu{}, {x.data(), kShape}, {x0.data(), kShape}, {g.data(), kShape}, {.eps = 0.1f, .step = 0.05f});
    for (const float v : x) ASSERT_NEAR(v, 0.55f, 1e-6f);
  }
}

// Image 0 has no gradient, image 1 the smallest that float32 holds, image 2 one that NaN spoils.
TEST(Momentum, AddsTheGradientOverItsMean) {
  std::vector<float> g(kImages * kPixels, 0.0f), m(g.size(), 2.0f);
  g[kPixels] = 3e-45f;
  g[kPixels + 1] = -1e-45f;
  g[2 * kPixels] = NAN;
  g[2 * kPixels + 1] = 1.0f;
  add_to_momentum(Cpu{}, {m.data(), kShape}, {g.data(), kShape}, 0.5f);
  std::vector<float> expected(g.size(), 1.0f);
  expected[kPixels] += 54;  // two and one smallest numbers of 81: the mean is 3/81 of one
  expected[kPixels + 1] -= 27;
  EXPECT_EQ(m, expected);
}

TEST(PgdStep, L2StaysInTheBall) {
  const std::vector<float> x0 = draw("x0"), g = draw("g");
  std::vector<float> x = x0, linf(kImages), l2(kImages);
  const float eps = 0.5f;
  for (int k = 0; k < 10; ++k) {
    pgd_step_l2(Cpu{}, {x.data(), kShape}, {x0.data(), kShape}, {g.data(), kShape}, {.eps = eps, .step = 0.2f});
    image_distance(Cpu{}, {linf.data(), {kImages}}, {l2.data(), {kImages}}, {x.data(), kShape}, {x0.data(), kShape});
    for (const float d : l2) EXPECT_LE(d, eps * (1 + 1e-6f));  // float32 rounding of the scaled difference
  }
}

TEST(RandomStart, InsideAndIndependentOfTheBatch) {
  const std::vector<float> x0 = draw("x0");
  const std::vector<std::int32_t> indices = {10, 11, 12};
  std::vector<float> whole(x0.size()), last(kPixels), l2(x0.size());
  const RandomKey key{5, random_stream("random_start/0")};
  const float eps = 8.0f / 255.0f;
  random_start_linf(Cpu{}, {whole.data(), kShape}, {x0.data(), kShape}, {indices.data(), {3}}, key, eps);
  expect_inside(whole, x0, eps);
  EXPECT_NE(whole, x0);
  random_start_linf(Cpu{}, {last.data(), {1, kSide, kSide, 1}}, {x0.data() + 2 * kPixels, {1, kSide, kSide, 1}},
                    {indices.data() + 2, {1}}, key, eps);
  EXPECT_EQ(last, std::vector<float>(whole.begin() + 2 * kPixels, whole.end()));

  random_start_l2(Cpu{}, {l2.data(), kShape}, {x0.data(), kShape}, {indices.data(), {3}}, key, 1.0f);
  std::vector<float> linf(kImages), norm(kImages);
  image_distance(Cpu{}, {linf.data(), {kImages}}, {norm.data(), {kImages}}, {l2.data(), kShape}, {x0.data(), kShape});
  for (const float d : norm) {
    EXPECT_GT(d, 0.0f);
    EXPECT_LE(d, 1.0f + 1e-6f);
  }
}

TEST(GradientStatistics, CountsExactZeros) {
  std::vector<float> g(kImages * kPixels, 0.0f);
  g[kPixels] = -3.0f;
  std::vector<float> largest(kImages), zeros(kImages);
  gradient_statistics(Cpu{}, {largest.data(), {kImages}}, {zeros.data(), {kImages}}, {g.data(), kShape});
  EXPECT_EQ(largest, (std::vector<float>{0, 3, 0}));
  EXPECT_EQ(zeros[0], 1.0f);
  EXPECT_FLOAT_EQ(zeros[1], 80.0f / 81.0f);
}

}  // namespace
}  // namespace kelvin
