// What one rank of a test on several GPUs does: "sums", "training resnet8 twice", ... Each checks its own results. On the emulated device
// tests/cuda_emulation/ranks_test.cpp starts them, on real GPUs mpirun (tools/gpu_check.sh).
#pragma once

#include <string>
#include <vector>

namespace kelvin {

// The exit code; 0: all is as it should be. Prints what is not.
[[nodiscard]] int run_rank(const std::vector<std::string>& arguments);

}  // namespace kelvin
