// Many additions in few launches, on the CUDA device, real or emulated, against the CPU: more pairs than one launch takes, of all sizes.
#include <gtest/gtest.h>

#include "engine/tensor.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/optimizers/accumulate_many.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

std::vector<Floats> sums_on(Device device, int pairs) {
  std::vector<Tensor> to, from;
  std::vector<Addition> additions;
  for (int i = 0; i < pairs; ++i) {
    const std::int64_t n = i == 7 ? 5000 : 1 + i * 37 % 300;
    to.push_back(Tensor::from_host<float>(draw(n, str("to ", i).c_str(), -1, 1), {n}, device));
    from.push_back(Tensor::from_host<float>(draw(n, str("from ", i).c_str(), -1, 1), {n}, device));
    additions.push_back({to.back().view<float>(), from.back().view<const float>()});
  }
  on(device, [&](const auto& dev) { accumulate_many(dev, additions); });
  std::vector<Floats> sums;
  for (const Tensor& t : to) sums.push_back(t.to_host<float>());
  return sums;
}

TEST(KernelParity, ManyAdditions) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  for (const int pairs : {0, 1, 128, 300}) EXPECT_EQ(sums_on({DeviceKind::cuda, cuda}, pairs), sums_on({}, pairs));
}

}  // namespace
}  // namespace kelvin::testing
