// What the emulated device says about itself, and its errors.
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "tests/cuda_emulation/runtime.h"

namespace {

// Few, so that a kernel with a block for each has several rows a block in small tests already.
constexpr int kMultiprocessors = 2;
constexpr int kSecondLevelCache = 256 << 10;  // small, so that what is cut to fit into it is cut in tests

cudaError_t last_error = cudaSuccess;
thread_local int own_device = 0;

// The error that KELVIN_EMULATION_FAILS=NAME=NUMBER sets for calls of that name.
cudaError_t planted(std::string_view call) {
  const char* const asked = std::getenv("KELVIN_EMULATION_FAILS");
  if (asked == nullptr || !std::string_view(asked).starts_with(std::string(call) + "=")) return cudaSuccess;
  return simt::fail(static_cast<cudaError_t>(std::atoi(asked + call.size() + 1)));
}

}  // namespace

namespace simt {

cudaError_t fail(cudaError_t error) { return last_error = error; }

}  // namespace simt

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInsufficientDriver: return "cudaErrorInsufficientDriver";
    case cudaErrorDevicesUnavailable: return "cudaErrorDevicesUnavailable";
    case cudaErrorInvalidDeviceFunction: return "cudaErrorInvalidDeviceFunction";
    case cudaErrorNoKernelImageForDevice: return "cudaErrorNoKernelImageForDevice";
    case cudaErrorUnsupportedPtxVersion: return "cudaErrorUnsupportedPtxVersion";
    case cudaErrorNoDevice: return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorIllegalState: return "cudaErrorIllegalState";
    case cudaErrorNotReady: return "cudaErrorNotReady";
    case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated: return "cudaErrorStreamCaptureInvalidated";
    case cudaErrorStreamCaptureUnjoined: return "cudaErrorStreamCaptureUnjoined";
  }
  return "unknown";
}
const char* cudaGetErrorString(cudaError_t) { return "as the emulated device has it"; }
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

// The host compiler keeps no names of functions in anonymous namespaces.
cudaError_t cudaFuncGetName(const char** name, const void*) {
  *name = "_ZN6kelvin12_GLOBAL__N_115emulated_kernelIfEEvPT_l";
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  const cudaError_t status = planted("cudaGetDeviceCount");
  const char* const asked = std::getenv("KELVIN_EMULATION_DEVICES");
  if (status == cudaSuccess) *count = asked != nullptr ? std::atoi(asked) : 1;
  return status;
}
cudaError_t cudaSetDevice(int device) {
  int count = 0;
  cudaGetDeviceCount(&count);
  if (device < 0 || device >= count) return simt::fail(cudaErrorInvalidDevice);
  own_device = device;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = own_device;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  *p = {"Emulated GPU", {{static_cast<char>(device)}}, 9, 0};
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  switch (attribute) {
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = simt::kMostShared; break;
    case cudaDevAttrMultiProcessorCount: *value = kMultiprocessors; break;
    case cudaDevAttrL2CacheSize: *value = kSecondLevelCache; break;
  }
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes*, const void*) { return planted("cudaFuncGetAttributes"); }
