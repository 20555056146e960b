// The part of the CUDA runtime library that kernels/ calls, on an emulated device that delays work as a GPU may.
//
// Work on a stream waits in a queue. How much of it runs at each call is random, by the seed in `simt::config()`; the rest runs when the host or
// another stream waits for it. Three faults therefore show as wrong numbers for most seeds: a result that is read too early, pinned memory that is
// written again before the device has read it, and a host variable that no longer exists. Work on the null stream runs at once.
//
// While a stream is captured its work goes into a graph instead, which can be launched repeatedly with the recorded arguments. Calls that CUDA
// forbids during a capture fail with CUDA's error: waiting for the stream, and copies to or from the host. (CUDA would record the host's
// address, whose content is only right the first time.)
//
// A stream that waits for an event of a captured one joins the capture. Depending on the seed its work is done as early as possible or as late as
// possible, when the captured stream waits for it. Memory that is reused in between shows as wrong numbers.
//
// Work that waits for another process (nvidia/nccl.cpp) holds up its stream until it can be done. Whoever asks whether a stream has finished lets
// it do what it can.
#pragma once

#include <cstddef>
#include <functional>
#include <tuple>

#include "tests/cuda_emulation/memory.h"
#include "tests/cuda_emulation/simt.h"

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorDevicesUnavailable = 46,
  cudaErrorInvalidDeviceFunction = 98,
  cudaErrorNoDevice = 100,
  cudaErrorNoKernelImageForDevice = 209,
  cudaErrorUnsupportedPtxVersion = 222,
  cudaErrorInvalidDevice = 101,
  cudaErrorIllegalState = 401,
  cudaErrorNotReady = 600,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901,
  cudaErrorStreamCaptureUnjoined = 904,
};
const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};

// The device.
struct cudaDeviceProp {
  char name[256];
  struct {
    char bytes[16];
  } uuid;
  int major, minor;
};
enum cudaDeviceAttr { cudaDevAttrMaxSharedMemoryPerBlockOptin, cudaDevAttrMultiProcessorCount, cudaDevAttrL2CacheSize };
struct cudaFuncAttributes {
  int numRegs;
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
cudaError_t cudaFuncGetName(const char** name, const void* kernel);
cudaError_t cudaGetDeviceCount(int* count);  // 1, or KELVIN_EMULATION_DEVICES
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int* device);  // of this thread
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value);
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel);
template <class F>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, F* kernel) {
  return cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(kernel));
}

// Memory.
cudaError_t cudaMalloc(void** block, std::size_t bytes);
cudaError_t cudaFree(void* block);
cudaError_t cudaMallocHost(void** block, std::size_t bytes);
cudaError_t cudaFreeHost(void* block);

// Streams.
using cudaStream_t = struct EmulatedStream*;
using cudaEvent_t = struct EmulatedEvent*;
constexpr unsigned cudaStreamNonBlocking = 1;
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream);

// Events.
constexpr unsigned cudaEventDisableTiming = 2;
cudaError_t cudaEventCreate(cudaEvent_t* event);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end);
cudaError_t cudaEventDestroy(cudaEvent_t event);

// Graphs.
using cudaGraph_t = struct EmulatedGraph*;
using cudaGraphExec_t = struct EmulatedGraphExec*;
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal,
  cudaStreamCaptureModeThreadLocal,
  cudaStreamCaptureModeRelaxed
};
enum cudaStreamCaptureStatus {
  cudaStreamCaptureStatusNone,
  cudaStreamCaptureStatusActive,
  cudaStreamCaptureStatusInvalidated
};
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);

// Launches.
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

namespace simt {

// Puts work on a stream: a kernel, a copy, a library call. It runs with access to device memory, now or later, or is added to a graph. What is
// behind it waits until `is_ready`, if there is such a condition, holds.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work, std::function<bool()> is_ready = {});

// Keeps an error for cudaGetLastError and returns it.
cudaError_t fail(cudaError_t error);

// The most shared memory that a block can be allowed on a device of compute capability 9.0, in bytes.
inline constexpr int kMostShared = 227 << 10;

// Lets all streams do what they can without waiting for another process.
void run_what_is_ready();

// Called before a launch. Checks the dynamic shared memory against the limit, 48 KiB or that of cudaFuncSetAttribute. At a kernel's first launch
// also allocates device memory for its code.
[[nodiscard]] cudaError_t prepare(const void* kernel, std::size_t shared_bytes);

}  // namespace simt

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* c, void (*kernel)(Parameters...), Arguments&&... arguments) {
  const std::size_t shared = c->dynamicSmemBytes;
  if (const cudaError_t e = simt::prepare(reinterpret_cast<const void*>(kernel), shared); e != cudaSuccess) return e;
  const simt::Index grid = {c->gridDim.x, c->gridDim.y, c->gridDim.z};
  const simt::Index block = {c->blockDim.x, c->blockDim.y, c->blockDim.z};
  return simt::enqueue(c->stream, [=, values = std::tuple<Parameters...>(static_cast<Parameters>(arguments)...)] {
    simt::run(grid, block, shared, [&] { std::apply(kernel, values); });
  });
}
