// The fixture of this folder: a GPU. Without one the tests are skipped with a message.
#pragma once

#include "tests/ops/cuda_test.h"

namespace kelvin {

class GpuTest : public testing::CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    cuda_settings().autotune = false;  // the same plans every time, and the fast algorithm wherever there is one
  }
};

}  // namespace kelvin
