#include "kernels/cudnn/library.h"
#include "kernels/device/cuda.h"
#include "kernels/device/cuda_device.h"
#include "kernels/device/cuda_refusal.h"

namespace kelvin {
namespace {

__global__ void empty_kernel() {}

CudaProbe probe() {
  CudaProbe p;
  const cudaError_t status = cudaGetDeviceCount(&p.devices);
  p.has_driver = status != cudaErrorInsufficientDriver;
  p.error = cudaGetErrorName(status);
  if (status != cudaSuccess) p.devices = 0;
  if (p.devices == 0) return p;
  cudaDeviceProp properties{};
  KELVIN_CHECK_CUDA(cudaGetDeviceProperties(&properties, 0));
  p.name = properties.name;
  p.major = properties.major;
  p.minor = properties.minor;
  cudaFuncAttributes attributes{};
  p.has_kernels = cudaFuncGetAttributes(&attributes, empty_kernel) == cudaSuccess;
  if (!p.has_kernels) cudaGetLastError();  // forgotten: it has been answered
  return p;
}

// nullptr and a reason, or the device.
const Cuda* open(std::string& reason) {
  reason = refusal(probe());
  if (!reason.empty()) return nullptr;
  cudaStream_t stream = nullptr;
  constexpr int kPriority = -1;  // above the side stream's (side_stream.cu); every GPU has at least these two
  KELVIN_CHECK_CUDA(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, kPriority));
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
