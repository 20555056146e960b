// ops_tests runs the parity tests on a real GPU, where there is one.
#include "kernels/device/cuda_device.h"
#include "tests/ops/device_under_test.h"

namespace kelvin::testing {

const Cuda* device_under_test(std::string& reason) { return open_cuda(reason); }

}  // namespace kelvin::testing
