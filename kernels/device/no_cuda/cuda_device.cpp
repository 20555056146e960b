// What a build without the CUDA device says when one is asked for.
#include "kernels/device/cuda_device.h"

#include "kernels/device/error.h"

namespace kelvin {

const Cuda* open_cuda(std::string& reason) {
  reason = "this build has no CUDA device: no CUDA toolkit with cuDNN was found when it was compiled";
  return nullptr;
}

std::string describe_cuda(const Cuda&) { throw internal_error("there is no CUDA device to describe"); }

CudaSettings& cuda_settings() {
  static CudaSettings settings;
  return settings;
}

}  // namespace kelvin
