#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "engine/tape.h"
#include "kernels/device/parallel.h"
#include "kernels/device/philox.h"
#include "kernels/device/pool.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {

namespace {

class OpTest : public ::testing::TestWithParam<OpCase> {};

TEST_P(OpTest, GradientMatchesCentralDifferences) {
  const OpCase& c = GetParam();
  const std::vector<Tensor> inputs = draw_inputs(c);
  const OpResult analytic = run_case(c, inputs);
  ASSERT_TRUE(is_finite(analytic.y));
  const Floats cotangent = floats_of(cotangent_for(c, c.op(inputs)));

  std::size_t watched = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!c.inputs[i].differentiable) continue;
    const Floats& gradient = analytic.gradients[watched++];
    ASSERT_TRUE(is_finite(gradient)) << "input " << i;
    const Floats base = floats_of(inputs[i]);
    const float step = c.step * (c.inputs[i].high - c.inputs[i].low) / 2;
    for (int trial = 0; trial < 3; ++trial) {
      // Directions of ±1: every element moves by exactly one step, so none crosses a kink it was kept away from.
      Floats direction = draw(inputs[i].size(), str(c.name, "/direction", trial), -1, 1);
      for (float& d : direction) d = d < 0 ? -1.0f : 1.0f;
      const auto value_at = [&](float t) {
        std::vector<Tensor> moved = inputs;
        Floats x = base;
        for (std::size_t k = 0; k < x.size(); ++k) x[k] += t * direction[k];
        moved[i] = Tensor::from_host<float>(x, inputs[i].shape());
        return dot(floats_of(c.op(moved)), cotangent);
      };
      const double numeric = (value_at(step) - value_at(-step)) / (2.0 * step);
      const double expected = dot(gradient, direction);
      // |g·d| of a random direction is about ‖g‖: measure the error on that scale, so that chance cancellation is harmless.
      const double scale = std::max(std::abs(numeric), std::sqrt(dot(gradient, gradient)));
      EXPECT_NEAR(expected, numeric, c.gradient_tolerance * scale + 1e-6) << "input " << i << ", direction " << trial;
    }
  }
}

// bfloat16 keeps 8 significant bits: one rounding of the result is 2^-9 relative, a few inside the op a few times that.
TEST_P(OpTest, BFloat16AgreesWithFloat32) {
  const OpCase& c = GetParam();
  if (!c.has_bfloat16) GTEST_SKIP() << "float32 only";
  std::vector<Tensor> low_inputs;
  OpResult low;
  try {
    low_inputs = draw_inputs(c, DType::bf16, true);
    low = run_case(c, low_inputs);
  } catch (const Error& e) {
    if (e.code() == ExitCode::mistake) GTEST_SKIP() << e.what();  // a CPU without bfloat16 arithmetic
    throw;
  }
  const OpResult full = run_case(c, draw_inputs(c, DType::f32, true));
  ASSERT_TRUE(is_finite(low.y));
  EXPECT_LT(relative_error(low.y, full.y), 0.01);
  for (std::size_t i = 0; i < full.gradients.size(); ++i)
    EXPECT_LT(relative_error(low.gradients[i], full.gradients[i]), 0.025) << "gradient " << i;
}

TEST_P(OpTest, EverySubsetOfGradientsEqualsTheFullSet) {
  const OpCase& c = GetParam();
  const std::vector<Tensor> inputs = draw_inputs(c);
  const OpResult full = run_case(c, inputs);
  for (unsigned mask = 0; mask < 1u << inputs.size(); ++mask) {
    const OpResult part = run_case(c, inputs, mask);
    EXPECT_EQ(part.y, full.y);
    std::size_t in_full = 0, in_part = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!c.inputs[i].differentiable) continue;
      if (mask >> i & 1u) {
        EXPECT_EQ(part.gradients[in_part++], full.gradients[in_full]) << "mask " << mask;
      }
      ++in_full;
    }
  }
}

TEST_P(OpTest, TouchesNothingButItsOutputs) {
  const OpCase& c = GetParam();
  const std::vector<Tensor> inputs = draw_inputs(c);
  std::vector<Floats> before;
  for (const Tensor& x : inputs) before.push_back(x.dtype() == DType::i32 ? Floats{} : floats_of(x));
  const std::size_t violations = pool_guard_violations(Cpu{});
  (void)run_case(c, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!c.inputs[i].is_integer) {
      EXPECT_EQ(floats_of(inputs[i]), before[i]) << "input " << i;
    }
  EXPECT_EQ(pool_guard_violations(Cpu{}), violations);
}

TEST_P(OpTest, SameBitsForAnyThreadCount) {
  const OpCase& c = GetParam();
  if (!c.any_thread_count) GTEST_SKIP() << "summation order is a library's";
  const std::vector<Tensor> inputs = draw_inputs(c);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const OpResult one = run_case(c, inputs);
  omp_set_num_threads(3);
  least_shared_work = 1;
  const OpResult three = run_case(c, inputs);
  least_shared_work = kParallelGrain;
  omp_set_num_threads(threads);
  EXPECT_EQ(one.y, three.y);
  EXPECT_EQ(one.gradients, three.gradients);
}

INSTANTIATE_TEST_SUITE_P(Ops, OpTest, ::testing::ValuesIn(all_op_cases()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& ch : name)
    if (!std::isalnum(static_cast<unsigned char>(ch))) ch = '_';
  return name;
});

const bool guards_are_on = [] {
  pool_enable_guards(Cpu{});
  return true;
}();

}  // namespace
}  // namespace kelvin::testing
