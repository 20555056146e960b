// Matrix products of matrices at any address, such as rows of a larger tensor: cuBLASLt chooses an algorithm by the alignment that it is
// given.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/tensor.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/products/matmul.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

constexpr std::int64_t kM = 8, kN = 24, kK = 16;

// [rows, cols], `offset` elements into its memory.
Tensor matrix(const char* stream, std::int64_t rows, std::int64_t cols, std::int64_t offset, Device device) {
  const std::int64_t n = rows * cols;
  const Tensor all = Tensor::from_host<float>(draw(n + offset, stream, -1, 1), {n + offset}, device);
  return all.narrow(offset, n).reshape({rows, cols});
}

Floats product(Device device, std::int64_t offset, const MatmulOptions& o) {
  const Tensor a = o.transpose_a ? matrix("a", kK, kM, offset, device) : matrix("a", kM, kK, offset, device);
  const Tensor b = o.transpose_b ? matrix("b", kN, kK, offset, device) : matrix("b", kK, kN, offset, device);
  const Tensor bias = matrix("bias", 1, kN, offset, device).reshape({kN}), y = matrix("y", kM, kN, offset, device);
  on(device, [&](const auto& dev) {
    matmul(dev, y.view<float>(), a.view<const float>(), b.view<const float>(), bias.view<const float>(), o);
  });
  return floats_of(y);
}

TEST(KernelParity, ProductsOfMatricesThatBeginAnywhere) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  for (const std::int64_t offset : {0, 1, 2, 4, 16, 64})
    for (const MatmulOptions& o : {MatmulOptions{false, false}, {false, true}, {true, false}, {true, true}}) {
      const Floats got = product({DeviceKind::cuda, cuda}, offset, o), expected = product({}, offset, o);
      for (std::size_t i = 0; i < expected.size(); ++i)
        ASSERT_NEAR(got[i], expected[i], 1e-5) << "offset " << offset;  // sums of 16 products below 1
    }
}

}  // namespace
}  // namespace kelvin::testing
