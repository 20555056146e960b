#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/tape.h"
#include "kernels/device/philox.h"
#include "kernels/device/pool.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {

void PrintTo(const OpCase& c, std::ostream* out) { *out << c.name; }

std::vector<OpCase> all_op_cases() {
  std::vector<OpCase> all;
  for (auto list :
       {convolution_cases(), matmul_cases(), norm_cases(), elementwise_cases(), pooling_cases(), loss_cases()})
    for (OpCase& c : list) all.push_back(std::move(c));
  return all;
}

namespace {

using Floats = std::vector<float>;

float away_from(const std::vector<float>& kinks, float distance, float value) {
  for (const float kink : kinks)
    if (std::abs(value - kink) < distance) return value < kink ? kink - distance : kink + distance;
  return value;
}

// Numbers in [low, high) from a stream of their own.
Floats draw(std::int64_t n, const std::string& stream, float low, float high) {
  const RandomKey key{2025, random_stream(stream)};
  Floats values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = low + (high - low) * uniform01(philox(key, i / 4)[i % 4]);
  return values;
}

// The same order of sizes, at equal distances.
Floats spread_evenly(const Floats& values, float low, float high) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  Floats even(values.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank)
    even[order[rank]] = low + (high - low) * (static_cast<float>(rank) + 0.5f) / static_cast<float>(order.size());
  return even;
}

Floats floats_of(const Tensor& t) { return t.to(DType::f32).to_host<float>(); }

double dot(const Floats& a, const Floats& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

bool is_finite(const Floats& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

// ‖a − b‖ / ‖b‖
double relative_error(const Floats& a, const Floats& b) {
  double difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return std::sqrt(difference / std::max(dot(b, b), 1e-30));
}

Tensor cotangent_for(const OpCase& c, const Tensor& y) {
  const Floats values = draw(y.size(), c.name + "/cotangent", -1, 1);
  return Tensor::from_host<float>(values, y.shape()).to(y.dtype());
}

struct Result {
  Floats y;
  std::vector<Floats> gradients;  // of the watched inputs, in order
};

// Runs the op forward and backward, watching the inputs whose bit is set in `mask`.
Result run(const OpCase& c, const std::vector<Tensor>& inputs, unsigned mask = ~0u) {
  std::vector<Tensor> watched;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (c.inputs[i].differentiable && (mask >> i & 1u)) watched.push_back(inputs[i]);
  Tape tape(watched);
  const Tensor y = c.op(inputs);
  Result r;
  r.y = floats_of(y);
  if (!watched.empty()) tape.backward(y, cotangent_for(c, y));
  for (const Tensor& w : watched) r.gradients.push_back(floats_of(tape.gradient(w)));
  return r;
}

class OpTest : public ::testing::TestWithParam<OpCase> {};

TEST_P(OpTest, GradientMatchesCentralDifferences) {
  const OpCase& c = GetParam();
  const std::vector<Tensor> inputs = draw_inputs(c);
  const Result analytic = run(c, inputs);
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
  Result low;
  try {
    low_inputs = draw_inputs(c, DType::bf16, true);
    low = run(c, low_inputs);
  } catch (const Error& e) {
    if (e.code() == ExitCode::mistake) GTEST_SKIP() << e.what();  // a CPU without bfloat16 arithmetic
    throw;
  }
  const Result full = run(c, draw_inputs(c, DType::f32, true));
  ASSERT_TRUE(is_finite(low.y));
  EXPECT_LT(relative_error(low.y, full.y), 0.01);
  for (std::size_t i = 0; i < full.gradients.size(); ++i)
    EXPECT_LT(relative_error(low.gradients[i], full.gradients[i]), 0.025) << "gradient " << i;
}

TEST_P(OpTest, EverySubsetOfGradientsEqualsTheFullSet) {
  const OpCase& c = GetParam();
  const std::vector<Tensor> inputs = draw_inputs(c);
  const Result full = run(c, inputs);
  for (unsigned mask = 0; mask < 1u << inputs.size(); ++mask) {
    const Result part = run(c, inputs, mask);
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
  run(c, inputs);
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
  const Result one = run(c, inputs);
  omp_set_num_threads(3);
  const Result three = run(c, inputs);
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

std::vector<Tensor> draw_inputs(const OpCase& c, DType dtype, bool rounded) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const OpInput& in = c.inputs[i];
    Floats values = draw(in.shape.size(), str(c.name, "/input", i), in.low, in.high);
    if (in.is_integer) {
      std::vector<std::int32_t> integers(values.begin(), values.end());
      inputs.push_back(Tensor::from_host<std::int32_t>(integers, in.shape));
      continue;
    }
    if (in.is_distinct) values = spread_evenly(values, in.low, in.high);
    for (float& v : values) v = away_from(in.avoid, c.kink_distance, v);
    if (rounded)
      for (float& v : values) v = float(bfloat16(v));
    const Tensor t = Tensor::from_host<float>(values, in.shape);
    inputs.push_back(in.keeps_float32 ? t : t.to(dtype));
  }
  return inputs;
}

}  // namespace kelvin::testing
