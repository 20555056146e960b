#include "kernels/device/cuda_device.h"

#include "kernels/cudnn/library.h"
#include "kernels/device/cuda.h"

namespace kelvin {
namespace {

__global__ void empty_kernel() {}

// nullptr and a reason, or the device.
const Cuda* open(std::string& reason) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver) {
    reason = "no NVIDIA driver, or one older than this program's CUDA runtime";
    return nullptr;
  }
  if (status != cudaSuccess || count == 0) {
    reason = str("no NVIDIA GPU (", cudaGetErrorName(status), ")");
    return nullptr;
  }
  cudaDeviceProp properties{};
  KELVIN_CHECK_CUDA(cudaGetDeviceProperties(&properties, 0));
  cudaFuncAttributes attributes{};
  if (cudaFuncGetAttributes(&attributes, empty_kernel) != cudaSuccess) {
    cudaGetLastError();
    reason = str("this build has no kernels for ", properties.name, " (compute capability ", properties.major, ".",
                 properties.minor, "); build it with -DKELVIN_CUDA_ARCHITECTURES=", properties.major, properties.minor);
    return nullptr;
  }
  cudaStream_t stream = nullptr;
  KELVIN_CHECK_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return new Cuda(stream);  // lives until the process ends
}

std::string version(std::size_t v) { return str(v / 10000, ".", v / 100 % 100, ".", v % 100); }

}  // namespace

const Cuda* open_cuda(std::string& reason) {
  static std::string why;
  static const Cuda* const device = open(why);
  reason = why;
  return device;
}

std::string describe_cuda(const Cuda&) {
  cudaDeviceProp p{};
  KELVIN_CHECK_CUDA(cudaGetDeviceProperties(&p, 0));
  int driver = 0;
  KELVIN_CHECK_CUDA(cudaDriverGetVersion(&driver));
  return str(p.name, ", compute capability ", p.major, ".", p.minor, ", driver for CUDA ", driver / 1000, ".",
             driver % 1000 / 10, ", cuDNN ", version(cudnn::library().get_version()));
}

CudaSettings& cuda_settings() {
  static CudaSettings settings;
  return settings;
}

}  // namespace kelvin
