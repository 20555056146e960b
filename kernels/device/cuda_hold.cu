#include "kernels/device/cuda_hold.h"

namespace kelvin {
namespace {

__global__ void hold_kernel(long long cycles) {
  const long long begin = clock64();
  while (clock64() - begin < cycles) {
  }
}

}  // namespace

void hold_stream(const Cuda& cuda, double milliseconds) {
  constexpr double kCyclesPerMillisecond = 1.7e6;  // H100: 1.1e6 to 2.0e6
  cudaLaunchConfig_t config = {};                  // without launch.h: it would stand in the profile
  config.gridDim = config.blockDim = dim3(1, 1, 1);
  config.stream = cuda.stream();
  KELVIN_CHECK_CUDA(
      cudaLaunchKernelEx(&config, hold_kernel, static_cast<long long>(milliseconds * kCyclesPerMillisecond)));
}

}  // namespace kelvin
