// Every op case on the CUDA device against the CPU, from the same lambda and the same inputs: forward and every gradient.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/libraries/cuda_device.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

// |got − expected| <= relative |expected| + relative_to_largest · max |expected|: a sum's rounding errors have the size of its largest terms.
struct Tolerance {
  double relative, relative_to_largest;
};
// float32: sums of a few hundred terms in another order, expf and logf of another library (2 units in the last place).
constexpr Tolerance kFloat32 = {2e-5, 2e-6};
// bfloat16: both results are rounded once (2^-8); where they round differently an op's inner roundings may do so too.
constexpr Tolerance kBFloat16 = {2.0 / 256, 2.0 / 256};
// Behind a ReLU that is fused into the op: the GPU rounds before and after it adds the bias, so that the few outputs within 2^-9 of zero pass
// their gradient on one device only; a thousandth of them changes a gradient by a few percent in norm.
constexpr double kBFloat16Kinks = 0.1;

void expect_agreement(const Floats& got, const Floats& expected, const Tolerance& t, const std::string& what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  ASSERT_TRUE(is_finite(expected)) << what << " on the CPU";
  ASSERT_TRUE(is_finite(got)) << what << " on the CUDA device";
  double largest = 0;
  for (const float v : expected) largest = std::max(largest, std::abs(static_cast<double>(v)));
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], expected[i], t.relative * std::abs(expected[i]) + t.relative_to_largest * largest)
        << what << " " << i;
}

class CudaParity : public ::testing::TestWithParam<OpCase> {
 protected:
  void check(DType dtype, const Tolerance& tolerance) {
    const OpCase& c = GetParam();
    std::string reason;
    const Cuda* const cuda = open_cuda(reason);
    if (cuda == nullptr) GTEST_SKIP() << reason;
    const Device device{DeviceKind::cuda, cuda};
    std::vector<Tensor> inputs, on_device;
    OpResult expected, got;
    try {
      inputs = draw_inputs(c, dtype, dtype == DType::bf16);
      expected = run_case(c, inputs);
    } catch (const Error& e) {
      if (e.code() == ExitCode::mistake) GTEST_SKIP() << e.what();  // a CPU without bfloat16 arithmetic
      throw;
    }
    for (const Tensor& x : inputs) on_device.push_back(x.to(device));
    got = run_case(c, on_device);
    expect_agreement(got.y, expected.y, tolerance, "y");
    const Tolerance gradient_tolerance = {tolerance.relative, tolerance.relative_to_largest * c.cancellation};
    for (std::size_t i = 0; i < expected.gradients.size(); ++i)
      if (dtype == DType::bf16 && c.has_kinks)
        EXPECT_LT(relative_error(got.gradients[i], expected.gradients[i]), kBFloat16Kinks) << "gradient " << i;
      else
        expect_agreement(got.gradients[i], expected.gradients[i], gradient_tolerance, str("gradient ", i));
  }
};

TEST_P(CudaParity, Float32) { check(DType::f32, kFloat32); }

TEST_P(CudaParity, BFloat16) {
  if (!GetParam().has_bfloat16) GTEST_SKIP() << "float32 only";
  check(DType::bf16, kBFloat16);
}

INSTANTIATE_TEST_SUITE_P(Ops, CudaParity, ::testing::ValuesIn(all_op_cases()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& ch : name)
    if (!std::isalnum(static_cast<unsigned char>(ch))) ch = '_';
  return name;
});

}  // namespace
}  // namespace kelvin::testing
