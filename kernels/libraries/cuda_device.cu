#include "kernels/device/cuda.h"
#include "kernels/device/nvidia_hardware.h"
#include "kernels/libraries/cublas/library.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/libraries/cudnn/library.h"

namespace kelvin {
namespace {

__global__ void empty_kernel() {}

// Makes the first call that needs the device itself (the others only read its description) and stores its result.
void try_kernel(CudaProbe& p) {
  cudaFuncAttributes attributes{};
  const cudaError_t status = cudaFuncGetAttributes(&attributes, empty_kernel);
  cudaGetLastError();  // clears it: it is handled here
  switch (status) {
    case cudaSuccess: p.has_kernels = true; break;
    // The program has no code for this GPU, none that it can load, or none that its driver can compile.
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorInvalidDeviceFunction:
    case cudaErrorUnsupportedPtxVersion: break;
    case cudaErrorMemoryAllocation: p.has_memory = false; break;
    default: p.failure = str(cudaGetErrorName(status), ": ", cudaGetErrorString(status));
  }
}

cudaDeviceProp properties_of_device() {
  int device = 0;
  KELVIN_CHECK_CUDA(cudaGetDevice(&device));
  cudaDeviceProp p{};
  KELVIN_CHECK_CUDA(cudaGetDeviceProperties(&p, device));
  return p;
}

CudaProbe probe(const CudaPlace& place) {
  CudaProbe p;
  p.processes = place.processes;
  const cudaError_t status = cudaGetDeviceCount(&p.devices);
  p.has_driver = status != cudaErrorInsufficientDriver;
  p.error = cudaGetErrorName(status);
  if (status != cudaSuccess) p.devices = 0;
  if (!p.has_driver) {
    p.has_gpu = has_nvidia_gpu();
    (void)cudaDriverGetVersion(&p.driver_version);
    (void)cudaRuntimeGetVersion(&p.runtime_version);
  }
  if (p.devices == 0 || !p.has_device_for_each()) return p;
  KELVIN_CHECK_CUDA(cudaSetDevice(p.devices == 1 ? 0 : place.process));
  const cudaDeviceProp properties = properties_of_device();
  p.name = properties.name;
  p.major = properties.major;
  p.minor = properties.minor;
  try_kernel(p);
  return p;
}

// Opens the device with its libraries, so that a running command does not find them missing. If they lack memory, so does the device.
const Cuda* open_libraries(CudaProbe& p) try {
  cudaStream_t stream = nullptr;
  KELVIN_CHECK_CUDA(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, kMainPriority));
  static const Cuda* cuda = nullptr;  // lives until the process ends, with the libraries that were opened
  cuda = new Cuda(stream);
  (void)cuda->cublas();
  (void)cuda->cudnn();
  return cuda;
} catch (const Error& e) {
  p.has_memory = e.code() != ExitCode::out_of_memory;
  p.libraries = e.what();
  return nullptr;
}

// The device, or nullptr and the reason.
const Cuda* open(CudaRefusal& why, const CudaPlace& place) try {
  CudaProbe p = probe(place);
  why = refusal(p);
  if (!why.reason.empty()) return nullptr;
  const Cuda* const cuda = open_libraries(p);
  why = refusal(p);
  return cuda;
} catch (const Error& e) {
  why = {.reason = e.what()};
  return nullptr;
}

}  // namespace

const Cuda* open_cuda(CudaRefusal& why, const CudaPlace& place) {
  static CudaRefusal refused;
  static const Cuda* const device = open(refused, place);
  why = refused;
  return device;
}

std::string name_of(const Cuda&) { return properties_of_device().name; }

std::string identity_of(const Cuda&) {
  const cudaDeviceProp p = properties_of_device();
  return {std::begin(p.uuid.bytes), std::end(p.uuid.bytes)};
}

std::string describe_cuda(const Cuda&) {
  const cudaDeviceProp p = properties_of_device();
  int driver = 0;
  KELVIN_CHECK_CUDA(cudaDriverGetVersion(&driver));
  return str(p.name, ", compute capability ", p.major, ".", p.minor, ", driver for CUDA ", driver / 1000, ".",
             driver % 1000 / 10, ", cuDNN ", cudnn::version_text());
}

CudaSettings& cuda_settings() {
  static CudaSettings settings;
  return settings;
}

}  // namespace kelvin
