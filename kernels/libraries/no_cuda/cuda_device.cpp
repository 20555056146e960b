// The functions of cuda_device.h in a build without CUDA.
#include "kernels/libraries/cuda_device.h"

#include "kernels/device/error.h"
#include "kernels/device/nvidia_hardware.h"

namespace kelvin {

const Cuda* open_cuda(CudaRefusal& why, const CudaPlace&) {
  why = {.reason =
             "this build has no CUDA device: no CUDA toolkit with cuDNN was found when it was compiled, or none was "
             "asked for",
         .is_worth_saying = has_nvidia_gpu()};
  return nullptr;
}

std::string describe_cuda(const Cuda&) { throw internal_error("there is no CUDA device to describe"); }
std::string name_of(const Cuda&) { throw internal_error("there is no CUDA device to name"); }
std::string identity_of(const Cuda&) { throw internal_error("there is no CUDA device to tell from another"); }

CudaSettings& cuda_settings() {
  static CudaSettings settings;
  return settings;
}

}  // namespace kelvin
