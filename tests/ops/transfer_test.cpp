// Bytes that cross to the CUDA device and back: below and above what the driver takes at once, in one piece and in more pieces than there
// are pinned slots.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "engine/tensor.h"
#include "kernels/libraries/cuda_device.h"

namespace kelvin::testing {
namespace {

class Transfer : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(Transfer, ComesBackAsItWent) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  const Device device{DeviceKind::cuda, cuda};
  std::vector<std::int32_t> first(static_cast<std::size_t>(GetParam()));
  std::iota(first.begin(), first.end(), 7);
  const Tensor a = Tensor::from_host<std::int32_t>(first, {GetParam()}, device);
  // The same host memory with other numbers: what went before must have left it.
  std::vector<std::int32_t> host = first;
  const Tensor b = Tensor::from_host<std::int32_t>(host, {GetParam()}, device);
  for (std::int32_t& v : host) v = -v;
  b.copy_from_host(host);
  EXPECT_EQ(a.to_host<std::int32_t>(), first);
  EXPECT_EQ(b.to_host<std::int32_t>(), host);
}
// 4-byte elements: 64 KiB is 16384 of them, a slot 1048576.
INSTANTIATE_TEST_SUITE_P(Sizes, Transfer, ::testing::Values(1, 257, 16384, 16385, 1048576, 1048577, 6000001));

}  // namespace
}  // namespace kelvin::testing
