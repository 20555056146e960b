// Opens the GPU, and holds the settings for everything that runs on it. The only header about CUDA that code outside kernels/ includes.
#pragma once

#include <string>

#include "kernels/device/cuda_refusal.h"
#include "kernels/device/device.h"

namespace kelvin {

// Which of the processes of a parallel run on this machine asks for a GPU: the first process takes the first GPU, and so on. A launcher may
// also show each process a GPU of its own alone (CUDA_VISIBLE_DEVICES).
struct CudaPlace {
  int process = 0, processes = 1;
};

// The GPU of this process, opened once, with cuDNN and cuBLASLt; nullptr where it cannot be used. Then `why` gives the reason: no driver, no GPU, one
// that is too old or not what this build was compiled for, no memory left on it, more processes than GPUs, a missing library, or a build without
// CUDA. Throws nothing. The calling thread alone uses it afterwards.
[[nodiscard]] const Cuda* open_cuda(CudaRefusal& why, const CudaPlace& place = {});
// The same; only the text of the reason.
[[nodiscard]] inline const Cuda* open_cuda(std::string& reason) {
  CudaRefusal why;
  const Cuda* const cuda = open_cuda(why);
  reason = why.reason;
  return cuda;
}

// "NVIDIA H100 80GB HBM3, compute capability 9.0, driver for CUDA 13.0, cuDNN 9.19.0"; and its first part.
[[nodiscard]] std::string describe_cuda(const Cuda& cuda);
[[nodiscard]] std::string name_of(const Cuda& cuda);
// Bytes that differ between any two GPUs.
[[nodiscard]] std::string identity_of(const Cuda& cuda);

struct CudaSettings {
  // float32 convolutions and matrix products may round their factors to 10 bits (TF32) for the tensor cores.
  bool allow_tf32 = false;
  // The first few algorithms for a convolution, a product or attention of a shape are timed, and the fastest is kept. Where two are equally fast,
  // the choice and so the last bits may differ from run to run.
  bool autotune = true;
  // Leaves out plans whose sums have no fixed order.
  bool deterministic = true;
};
// To be set before the first convolution.
CudaSettings& cuda_settings();

}  // namespace kelvin
