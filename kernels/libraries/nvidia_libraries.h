// NVIDIA's libraries, opened together. cuDNN opens others by name when it first plans something: without cuBLASLt it ends the program, without
// NVRTC it has no plan for what must be compiled. The dynamic loader finds a library again that is open already under that name, wherever it lies:
// so those are opened here first, on the loader's path, beside cuDNN, in the neighbouring folders of NVIDIA's Python packages or in the toolkit.
#pragma once

#include <string>

#include "kernels/device/dynamic_library.h"

namespace kelvin {

struct NvidiaLibraries {
  DynamicLibrary cudnn, cublas_lt;
  std::string no_nvrtc;  // why what must be compiled has no plan; empty: nothing is missing
};

// Opened once. Throws a mistake that names what is missing.
[[nodiscard]] const NvidiaLibraries& nvidia_libraries();

// The parts of cuDNN without which convolutions have no plan that is compiled ahead of time: why they cannot be opened; empty: they can.
[[nodiscard]] std::string missing_cudnn_parts();

}  // namespace kelvin
