// The fixture of this folder: a GPU, or a test that is skipped by name.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kernels/device/cuda_device.h"

namespace kelvin {

class GpuTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    const Cuda* const cuda = open_cuda(reason);
    if (cuda == nullptr) GTEST_SKIP() << reason;
    gpu_ = {DeviceKind::cuda, cuda};
    cuda_settings().autotune = false;  // the same plans every time, and the fast way wherever there is one
  }
  Device gpu_;
};

}  // namespace kelvin
