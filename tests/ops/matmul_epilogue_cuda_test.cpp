// Matrix products with a residual, a bias and a ReLU on the CUDA device, real or emulated, against the definition; the residual may be the result
// itself, which is then added to once, however often the product was tried; the bias may begin anywhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/tensor.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/products/cuda_matmul.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

enum class Residual { none, other, itself };

TEST(KernelParity, ProductsWithWhatFollowsThem) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  const Device gpu = {DeviceKind::cuda, cuda};
  std::int64_t m = 32;  // another shape every time: an algorithm is chosen when one is met
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const Residual residual : {Residual::none, Residual::other, Residual::itself})
      for (const std::int64_t bias_offset : {-1, 0, 3})  // -1: none
        for (const bool relu : {false, true}) {
          SCOPED_TRACE(::testing::Message() << name_of(dtype) << ", residual " << static_cast<int>(residual)
                                            << ", bias at " << bias_offset << (relu ? ", relu" : ""));
          const std::int64_t k = 24, n = 16;
          m += 8;
          const auto drawn = [&](const char* name, Shape shape) {
            return Tensor::from_host<float>(draw(shape.size(), name, -1, 1), shape).to(dtype);
          };
          const Tensor a = drawn("a", {m, k}), b = drawn("b", {n, k}), other = drawn("other", {m, n}),
                       biases = drawn("bias", {n + 3});
          const Tensor y = residual == Residual::itself ? other.to(gpu) : Tensor::full({m, n}, NAN, dtype, gpu);
          const Tensor on_gpu[] = {a.to(gpu), b.to(gpu), other.to(gpu), biases.to(gpu)};
          const std::int64_t first = std::max<std::int64_t>(bias_offset, 0);
          dispatch_float(dtype, [&]<class T>(Type<T>) {
            MatmulEpilogue<T> epilogue;
            epilogue.relu = relu;
            if (residual != Residual::none)
              epilogue.residual = (residual == Residual::itself ? y : on_gpu[2]).view<const T>();
            if (bias_offset >= 0) epilogue.bias = on_gpu[3].narrow(first, n).view<const T>();
            matmul<T>(*cuda, y.view<T>(), on_gpu[0].view<const T>(), on_gpu[1].view<const T>(), epilogue,
                      {.transpose_b = true});
          });
          const Floats got = floats_of(y), a_values = floats_of(a), b_values = floats_of(b),
                       other_values = floats_of(other), bias_values = floats_of(biases);
          for (std::int64_t i = 0; i < m * n; ++i) {
            double sum = 0;
            for (std::int64_t t = 0; t < k; ++t)
              sum += static_cast<double>(a_values[static_cast<std::size_t>(i / n * k + t)]) *
                     static_cast<double>(b_values[static_cast<std::size_t>(i % n * k + t)]);
            const auto rounded = [&] { return std::max(std::abs(sum), 1.0); };
            double magnitudes = rounded();
            if (residual != Residual::none) sum += static_cast<double>(other_values[static_cast<std::size_t>(i)]);
            magnitudes += rounded();
            if (bias_offset >= 0) sum += static_cast<double>(bias_values[static_cast<std::size_t>(first + i % n)]);
            if (relu) sum = std::max(sum, 0.0);
            magnitudes += rounded();
            // The result is rounded once, or by some of cuBLASLt's algorithms the product, its sum with the residual and the result.
            const double relative = dtype == DType::f32 ? 1e-6 : 1.0 / 256;
            ASSERT_NEAR(got[static_cast<std::size_t>(i)], sum, relative * magnitudes);
          }
        }
}

}  // namespace
}  // namespace kelvin::testing
