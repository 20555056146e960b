// Softmax and cross-entropy on the CUDA device against the CPU, at numbers of classes around those where lanes are full.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "engine/tensor.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/losses/softmax_cross_entropy.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

struct Case {
  std::int64_t rows, classes;
  std::int64_t offset = 0;  // elements into their memory at which logits and gradients begin
  float tau = 1, smoothing = 0;
  bool is_masked = false;  // every third class but the label's has the logit −∞
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.rows << " x " << c.classes << ", offset " << c.offset << ", tau " << c.tau << ", smoothing " << c.smoothing
       << (c.is_masked ? ", masked" : "");
}

// Loss and gradient.
std::vector<Floats> results(const Case& c, Device device) {
  const Shape shape = {c.rows, c.classes};
  std::vector<std::int32_t> y;
  for (const float u : draw(c.rows, "labels", 0, static_cast<float>(c.classes)))
    y.push_back(static_cast<std::int32_t>(u));
  Floats z = draw(shape.size(), "logits", -5, 5);
  for (std::int64_t row = 0; c.is_masked && row < c.rows; ++row)
    for (std::int64_t j = 0; j < c.classes; j += 3)
      if (j != y[static_cast<std::size_t>(row)]) z[static_cast<std::size_t>(row * c.classes + j)] = -INFINITY;
  const Floats nothing(z.size(), NAN);
  const Tensor logits = begins_at(c.offset, z, shape, device),
               labels = Tensor::from_host<std::int32_t>(y, {c.rows}, device);
  const Tensor dloss = Tensor::from_host<float>(draw(c.rows, "dloss", 0.5f, 2), {c.rows}, device);
  const Tensor tau = Tensor::full({1}, c.tau, DType::f32, device);
  const Tensor loss = Tensor::empty({c.rows}, DType::f32, device), dz = begins_at(c.offset, nothing, shape, device);
  on(device, [&](const auto& dev) {
    const auto in = logits.view<const float>(), t = tau.view<const float>();
    const auto label = labels.view<const std::int32_t>();
    softmax_cross_entropy_forward<float>(dev, loss.view<float>(), in, label, t, c.smoothing);
    softmax_cross_entropy_backward<float>(dev, dz.view<float>(), dloss.view<const float>(), in, label, t, c.smoothing);
  });
  return {floats_of(loss), floats_of(dz)};
}

void expect_parity(const Case& c, const Cuda* cuda) {
  const std::vector<Floats> expected = results(c, {}), got = results(c, {DeviceKind::cuda, cuda});
  for (std::size_t t = 0; t < got.size(); ++t) {
    // A smoothed loss adds up a logarithm a class, on the CPU one after the other; gradients are at most 2/tau.
    const double absolute = t == 0 ? 2e-5 : 1e-6 * std::max(1.0, 1.0 / static_cast<double>(c.tau));
    const double relative = t == 0 && c.smoothing > 0 ? 1e-5 + 3e-9 * static_cast<double>(c.classes) : 1e-5;
    for (std::size_t i = 0; i < got[t].size(); ++i) {
      const double a = got[t][i], b = expected[t][i];
      if (std::isinf(b))
        ASSERT_EQ(a, b) << ::testing::PrintToString(c) << ": result " << t << ", element " << i;
      else
        ASSERT_NEAR(a, b, absolute + relative * std::abs(b))
            << ::testing::PrintToString(c) << ": result " << t << ", element " << i;
    }
  }
}

// Odd numbers of rows: the last block is not full.
std::int64_t rows_of(std::int64_t classes) { return classes <= 256 ? 131 : classes <= 4096 ? 7 : 3; }

TEST(KernelParity, CrossEntropyAtEveryNumberOfClasses) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  for (const std::int64_t classes :
       {2, 3, 4, 5, 10, 11, 31, 32, 33, 63, 64, 65, 100, 129, 200, 257, 512, 1000, 1024, 1025, 4097, 16385, 50257})
    for (const std::int64_t offset : {0, 1})
      ASSERT_NO_FATAL_FAILURE(
          expect_parity({.rows = rows_of(classes), .classes = classes, .offset = offset, .tau = 0.5f}, cuda));
}

TEST(KernelParity, CrossEntropySmoothedAndMasked) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  for (const std::int64_t classes : {4, 10, 31, 100, 200, 1000, 5000, 20000, 20001})
    for (const float tau : {0.1f, 1.0f, 50.0f})
      for (const float smoothing : {0.0f, 0.1f}) {
        ASSERT_NO_FATAL_FAILURE(expect_parity({rows_of(classes), classes, 0, tau, smoothing, false}, cuda));
        ASSERT_NO_FATAL_FAILURE(expect_parity({rows_of(classes), classes, 0, tau, smoothing, true}, cuda));
      }
}

TEST(KernelParity, CrossEntropyOfOneRow) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  for (const std::int64_t classes : {1, 2, 10, 33, 1025, 60001})
    ASSERT_NO_FATAL_FAILURE(expect_parity({.rows = 1, .classes = classes}, cuda));
}

// What is not a number, or has none to compare with: the same on both devices.
TEST(KernelParity, CrossEntropyOfRowsWithoutASum) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  for (const std::int64_t classes : {3, 10, 36, 100, 1000, 5000, 17000}) {
    const auto n = static_cast<std::size_t>(classes);
    Floats z;
    for (const float filling : {-INFINITY, 0.0f, 0.0f}) z.insert(z.end(), n, filling);
    z[n + 1] = NAN;
    z[2 * n + 1] = INFINITY;
    const auto gradients = [&](Device d) {
      const Tensor logits = Tensor::from_host<float>(z, {3, classes}, d), tau = Tensor::full({1}, 1, DType::f32, d);
      const Tensor labels = Tensor::full({3}, 2, DType::i32, d), loss = Tensor::empty({3}, DType::f32, d);
      const Tensor dz = Tensor::empty({3, classes}, DType::f32, d), ones = Tensor::full({3}, 1, DType::f32, d);
      on(d, [&](const auto& dev) {
        const auto in = logits.view<const float>(), t = tau.view<const float>();
        const auto label = labels.view<const std::int32_t>();
        softmax_cross_entropy_forward<float>(dev, loss.view<float>(), in, label, t);
        softmax_cross_entropy_backward<float>(dev, dz.view<float>(), ones.view<const float>(), in, label, t);
      });
      Floats all = floats_of(loss);
      for (const float g : floats_of(dz)) all.push_back(g);
      return all;
    };
    const Floats got = gradients({DeviceKind::cuda, cuda}), expected = gradients({});
    for (std::size_t i = 0; i < got.size(); ++i)
      ASSERT_EQ(std::isnan(got[i]), std::isnan(expected[i])) << classes << " classes, element " << i;
  }
}

// Where the gradient of the other classes rounds to exactly zero; that of the label does so a little later, because with many threads small terms
// meet before they are lost beside 1.
TEST(KernelParity, CrossEntropyUnderflowsAtTheSameGapsAtEveryNumberOfClasses) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  for (const std::int64_t classes : {10, 12, 13, 36, 100, 200, 1000, 3000, 10000, 17000}) {
    Floats z;
    std::int64_t rows = 0;
    for (float gap = classes < 100 ? 10 : 100; gap < 107; gap += 0.5f, ++rows) {
      z.push_back(gap);
      z.insert(z.end(), static_cast<std::size_t>(classes - 1), 0.0f);
    }
    const auto gradients = [&](Device d) {
      const Shape shape = {rows, classes};
      const Tensor logits = Tensor::from_host<float>(z, shape, d), tau = Tensor::full({1}, 1, DType::f32, d);
      const Tensor labels = Tensor::full({rows}, 0, DType::i32, d), ones = Tensor::full({rows}, 1, DType::f32, d);
      const Tensor dz = Tensor::empty(shape, DType::f32, d);
      on(d, [&](const auto& dev) {
        softmax_cross_entropy_backward<float>(dev, dz.view<float>(), ones.view<const float>(),
                                              logits.view<const float>(), labels.view<const std::int32_t>(),
                                              tau.view<const float>());
      });
      return floats_of(dz);
    };
    const Floats got = gradients({DeviceKind::cuda, cuda}), expected = gradients({});
    std::int64_t zeros = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (i % static_cast<std::size_t>(classes) == 0) continue;
      ASSERT_EQ(got[i] == 0, expected[i] == 0) << classes << " classes, element " << i << ": " << got[i];
      zeros += got[i] == 0 ? 1 : 0;
    }
    EXPECT_GT(zeros, 0);
  }
}

}  // namespace
}  // namespace kelvin::testing
