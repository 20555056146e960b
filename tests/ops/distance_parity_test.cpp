// The distance that decides whether an algorithm's result is accepted, on the CUDA device, real or emulated, against the CPU.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/tensor.h"
#include "kernels/arrays/relative_error.h"
#include "kernels/libraries/cuda_device.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

const Shape kShape = {201, 37};

Distance distance_on(Device device, const Floats& got, const Floats& reference, std::int64_t begin, std::int64_t end) {
  const Tensor a = Tensor::from_host<float>(got, kShape, device),
               b = Tensor::from_host<float>(reference, kShape, device);
  Distance found;
  on(device, [&](const auto& dev) { found = distance(dev, a.view<const float>(), b.view<const float>(), begin, end); });
  return found;
}

TEST(KernelParity, DistancesOfSomeColumns) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  const Device device = {DeviceKind::cuda, cuda};
  const Floats got = draw(kShape.size(), "got", -1, 1), reference = draw(kShape.size(), "reference", -1, 1);
  for (const auto& [begin, end] : {std::pair{0, 37}, {5, 6}, {12, 31}}) {
    const Distance found = distance_on(device, got, reference, begin, end);
    const Distance expected = distance_on({}, got, reference, begin, end);
    EXPECT_NEAR(found.difference, expected.difference, 1e-12 * expected.difference);  // sums in double, another order
    EXPECT_NEAR(found.reference, expected.reference, 1e-12 * expected.reference);
  }
  EXPECT_EQ(distance_on(device, got, got, 0, 37).relative(), 0);
}

// One wrong number anywhere must show: a comparison that misses it would let a wrong kernel pass.
TEST(KernelParity, DistanceSeesNotANumber) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  const Device device = {DeviceKind::cuda, cuda};
  const Floats reference = draw(kShape.size(), "reference", -1, 1);
  Floats got = reference;
  got.back() = std::nanf("");
  EXPECT_FALSE(distance_on(device, got, reference, 0, 37).relative() < 1e9);
  EXPECT_EQ(distance_on(device, got, reference, 0, 36).relative(), 0);
}

}  // namespace
}  // namespace kelvin::testing
