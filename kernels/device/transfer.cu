#include "kernels/device/host_wait.h"
#include "kernels/device/pinned_staging.h"
#include "kernels/device/transfer.h"

namespace kelvin {
namespace {

// The driver takes up to 64 KiB of ordinary memory without waiting (CUDA runtime API, "API synchronization behavior").
constexpr std::size_t kTakenAtOnce = std::size_t{64} << 10;

// A recorded copy would read or write the same host address again at every replay.
void check_not_recording(const Cuda& cuda) {
  KELVIN_CHECK(!is_recording(cuda), "a recorded step exchanges values with the host (kernels/device/step_graph.h)");
}

}  // namespace

PinnedStaging& Cuda::staging() const {
  if (!staging_) staging_ = std::make_shared<PinnedStaging>();
  return *staging_;
}

void copy_from_host(const Cuda& cuda, void* to, const void* from, std::size_t bytes) {
  check_not_recording(cuda);
  if (bytes <= kTakenAtOnce)
    KELVIN_CHECK_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, cuda.stream()));
  else
    cuda.staging().copy(cuda.stream(), to, from, bytes);
}

void copy_to_host(const Cuda& cuda, void* to, const void* from, std::size_t bytes) {
  check_not_recording(cuda);
  if (host_wait() != nullptr) wait_for_stream(cuda);  // a copy to ordinary memory waits itself
  KELVIN_CHECK_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, cuda.stream()));
  synchronize(cuda);
}

void copy_on_device(const Cuda& cuda, void* to, const void* from, std::size_t bytes) {
  KELVIN_CHECK_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, cuda.stream()));
}

void synchronize(const Cuda& cuda) { wait_for_stream(cuda); }

}  // namespace kelvin
