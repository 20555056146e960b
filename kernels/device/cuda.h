// The CUDA device: its stream and the handles of NVIDIA's libraries. Complete only inside kernels/; elsewhere `class Cuda` is a name.
//
// There is one Cuda object for the GPU in use and it lives until the process ends (`open_cuda` in cuda_device.h makes it).
// Everything it runs is ordered on its one stream, but what a recorded step runs beside it (side_stream.h). What waits for the GPU: the
// functions of transfer.h, a pinned slot that is still being read (pinned_staging.h), and, when a shape is first met or a profile is taken,
// stopwatches and comparisons of results.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <memory>

#include "kernels/device/device.h"
#include "kernels/device/error.h"
#include "kernels/device/pool.h"

struct cudnnContext;
struct cublasLtContext;

namespace kelvin {

class PinnedStaging;
struct SideStream;

class Cuda {
 public:
  // `main`: whose side stream this is; it lends its handles.
  explicit Cuda(cudaStream_t stream, const Cuda* main = nullptr) : stream_(stream), main_(main) {}
  Cuda(const Cuda&) = delete;
  Cuda& operator=(const Cuda&) = delete;

  [[nodiscard]] cudaStream_t stream() const { return stream_; }
  // Made when first asked for (kernels/libraries/cudnn, kernels/libraries/cublas); cuDNN's, whoever asks, on the stream of who asked last.
  [[nodiscard]] cudnnContext* cudnn() const;
  [[nodiscard]] cublasLtContext* cublas() const;
  [[nodiscard]] PinnedStaging& staging() const;  // made when first asked for (transfer.cu)
  [[nodiscard]] bool is_side() const { return main_ != nullptr; }
  void keep_for_side(void* block) const;  // of a side stream: given back when that joins (side_stream.cu)

 private:
  friend Device fork_side(const Cuda&);
  friend void join_side(const Cuda&);
  friend void abandon_side(const Cuda&);

  cudaStream_t stream_;
  const Cuda* main_;
  mutable cudnnContext* cudnn_ = nullptr;
  mutable cublasLtContext* cublas_ = nullptr;
  mutable std::shared_ptr<PinnedStaging> staging_;
  mutable std::shared_ptr<SideStream> side_;
};

// Throws when a call of the CUDA runtime fails, naming the call.
inline void check_cuda(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // forgotten: the exception tells it
    throw_out_of_memory_in(call);
  }
  throw internal_error(call, ": ", cudaGetErrorName(status), ": ", cudaGetErrorString(status));
}

// The status of a call that may need memory on the GPU beside our pools, for a module or a graph. Where there is none, what lies free in them is given
// back and the call is tried once more.
template <class Call>
[[nodiscard]] cudaError_t with_spare_memory(const Call& call) {
  const cudaError_t status = call();
  if (status != cudaErrorMemoryAllocation || !release_spare_memory()) return status;
  cudaGetLastError();  // forgotten: it is tried again
  return call();
}
#define KELVIN_CHECK_CUDA(call) ::kelvin::check_cuda(::kelvin::with_spare_memory([&] { return call; }), #call)

// Whether what is launched now is being recorded (step_graph.h) instead of run.
[[nodiscard]] inline bool is_recording(const Cuda& cuda) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  KELVIN_CHECK_CUDA(cudaStreamIsCapturing(cuda.stream(), &status));
  return status != cudaStreamCaptureStatusNone;
}

}  // namespace kelvin
