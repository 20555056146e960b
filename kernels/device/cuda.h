// The CUDA device: its stream and the handles of NVIDIA's libraries. Complete only inside kernels/; elsewhere `class Cuda` is a name.
//
// There is one Cuda object for the GPU in use and it lives until the process ends (`open_cuda` in cuda_device.h makes it).
// In a parallel run each process has a GPU of its own; the thread that opened it is the only one that may call CUDA.
// All its work is ordered on one stream, except what a recorded step runs on a side stream (side_stream.h). The host waits for the GPU in the
// functions of transfer.h, for a pinned slot that is still being read (pinned_staging.h), and, when a shape is first met or a profile is taken,
// for measured times and compared results; always through host_wait.h.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <memory>

#include "kernels/device/device.h"
#include "kernels/device/error.h"
#include "kernels/device/pool.h"
#include "kernels/device/side_stream.h"

struct cudnnContext;
struct cublasLtContext;

namespace kelvin {

class PinnedStaging;
struct SideStream;

inline constexpr int kMainPriority =
    -1;  // of the main stream, above that of filter gradients; every GPU has at least these two

class Cuda {
 public:
  // `main`: for a side stream the device that it belongs to, whose library handles it uses; `side`: which of its side streams.
  explicit Cuda(cudaStream_t stream, const Cuda* main = nullptr, Side side = {})
      : stream_(stream), main_(main), side_(side) {}
  Cuda(const Cuda&) = delete;
  Cuda& operator=(const Cuda&) = delete;

  [[nodiscard]] cudaStream_t stream() const { return stream_; }
  // Library handles, made at the first call (kernels/libraries/cudnn, kernels/libraries/cublas). A side stream has the handles of its main device;
  // each call of cudnn() sets cuDNN's stream to the caller's.
  [[nodiscard]] cudnnContext* cudnn() const;
  [[nodiscard]] cublasLtContext* cublas() const;
  [[nodiscard]] PinnedStaging& staging() const;  // made at the first call (transfer.cu)
  [[nodiscard]] bool is_side() const { return main_ != nullptr; }
  void keep_for_side(void* block) const;  // on a side stream: frees the block at join_side (side_stream.cu)

 private:
  friend Device fork_side(const Cuda&, Side);
  friend void join_side(const Cuda&, Side);
  friend void abandon_side(const Cuda&);

  [[nodiscard]] std::shared_ptr<SideStream>& side(Side which) const { return sides_[static_cast<std::size_t>(which)]; }

  cudaStream_t stream_;
  const Cuda* main_;
  Side side_;
  mutable cudnnContext* cudnn_ = nullptr;
  mutable cublasLtContext* cublas_ = nullptr;
  mutable std::shared_ptr<PinnedStaging> staging_;
  mutable std::array<std::shared_ptr<SideStream>, 2> sides_;
};

// Throws when a call of the CUDA runtime fails, naming the call.
inline void check_cuda(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // clears it: the exception reports it
    throw_out_of_memory_in(call);
  }
  throw internal_error(call, ": ", cudaGetErrorName(status), ": ", cudaGetErrorString(status));
}

// The status of a call that may allocate memory on the GPU outside our pools, for a module or a graph. If none is left, the pools give back their free
// blocks and the call is repeated once.
template <class Call>
[[nodiscard]] cudaError_t with_spare_memory(const Call& call) {
  const cudaError_t status = call();
  if (status != cudaErrorMemoryAllocation || !release_spare_memory()) return status;
  cudaGetLastError();  // clears it: the call is repeated
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
