// Opening the GPU, and the choices that hold for everything run on it. The only header about CUDA that rooms outside kernels/ include.
#pragma once

#include <string>

#include "kernels/device/cuda_refusal.h"
#include "kernels/device/device.h"

namespace kelvin {

// The first GPU, opened once, with cuDNN and cuBLASLt; nullptr where there is none to use. Then `why` says why: no driver, no GPU, one that is too old
// or not what this build was compiled for, one without memory left, a library that is missing, or a build without CUDA. Throws nothing.
[[nodiscard]] const Cuda* open_cuda(CudaRefusal& why);
// The same with the reason alone.
[[nodiscard]] inline const Cuda* open_cuda(std::string& reason) {
  CudaRefusal why;
  const Cuda* const cuda = open_cuda(why);
  reason = why.reason;
  return cuda;
}

// "NVIDIA H100 80GB HBM3, compute capability 9.0, driver for CUDA 13.0, cuDNN 9.19.0"; and its first part.
[[nodiscard]] std::string describe_cuda(const Cuda& cuda);
[[nodiscard]] std::string name_of(const Cuda& cuda);

struct CudaSettings {
  // float32 convolutions and matrix products may round their factors to 10 bits (TF32) for the tensor cores.
  bool allow_tf32 = false;
  // Of the ways to a convolution, a product or attention of a shape the first few are timed and the fastest is kept: other bits from run to run
  // where two are equally fast.
  bool autotune = true;
  // Plans whose sums have no fixed order are left out.
  bool deterministic = true;
};
// To be set before the first convolution.
CudaSettings& cuda_settings();

}  // namespace kelvin
