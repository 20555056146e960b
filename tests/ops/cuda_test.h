// The fixture of tests that need the CUDA device, real or emulated. Without one they are skipped with a message.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kernels/libraries/cuda_device.h"

namespace kelvin::testing {

class CudaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    cuda_ = open_cuda(reason);
    if (cuda_ == nullptr) GTEST_SKIP() << reason;
    gpu_ = {DeviceKind::cuda, cuda_};
  }
  const Cuda* cuda_ = nullptr;
  Device gpu_;
};

}  // namespace kelvin::testing
