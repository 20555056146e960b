// NVIDIA's libraries, opened together. cuDNN opens cuBLASLt and NVRTC by name when it makes its first plan. Without cuBLASLt it ends the program;
// without NVRTC it has no plans that must be compiled. The dynamic loader returns a library that is already open under a name, wherever its file is.
// So both are opened here first: from the loader's path, cuDNN's folder, the neighbouring folders of NVIDIA's Python packages, or the toolkit.
#pragma once

#include <string>
#include <vector>

#include "kernels/device/dynamic_library.h"

namespace kelvin {

struct NvidiaLibraries {
  DynamicLibrary cudnn, cublas_lt;
  std::string no_nvrtc;  // why NVRTC cannot be opened; empty: it is open
};

// Opened at the first call. Throws a mistake that names what is missing.
[[nodiscard]] const NvidiaLibraries& nvidia_libraries();

// Folders that may hold another of NVIDIA's libraries: its Python package beside the packages that are open ("nccl"), and the toolkit.
[[nodiscard]] std::vector<std::string> nvidia_folders(const std::string& package);

// Why the parts of cuDNN that hold its precompiled convolutions cannot be opened; empty: they can.
[[nodiscard]] std::string missing_cudnn_parts();

}  // namespace kelvin
