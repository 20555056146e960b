// What `--device cuda` says on machines that this one is not.
#include "kernels/device/cuda_refusal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kelvin {
namespace {

using ::testing::HasSubstr;

TEST(CudaRefusal, NamesWhatIsMissing) {
  EXPECT_THAT(refusal({.has_driver = false, .error = "cudaErrorInsufficientDriver"}), HasSubstr("driver"));
  EXPECT_EQ(refusal({.error = "cudaErrorNoDevice"}), "no NVIDIA GPU (cudaErrorNoDevice)");
  const CudaProbe old{.devices = 1, .error = "cudaSuccess", .name = "Tesla V100", .major = 7, .minor = 0};
  EXPECT_EQ(refusal(old),
            "this build has no kernels for Tesla V100 (compute capability 7.0); build it with "
            "-DKELVIN_CUDA_ARCHITECTURES=70");
}

TEST(CudaRefusal, NothingWhereTheDeviceCanBeUsed) {
  EXPECT_EQ(refusal({.devices = 2, .name = "NVIDIA H100", .major = 9, .minor = 0, .has_kernels = true}), "");
}

}  // namespace
}  // namespace kelvin
