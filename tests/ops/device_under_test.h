// The CUDA device that the parity tests run on: a GPU in ops_tests, the emulated device in emulated_tests.
#pragma once

#include <stdexcept>
#include <string>

#include "kernels/device/device.h"

namespace kelvin::testing {

// nullptr and a reason where there is none.
[[nodiscard]] const Cuda* device_under_test(std::string& reason);

// Thrown by the emulated device in place of a call to cuDNN or cuBLAS.
struct NotEmulated : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace kelvin::testing
