#include <array>

#include "kernels/device/cuda.h"
#include "kernels/device/host_wait.h"

namespace kelvin {
namespace {

constexpr std::size_t kLaunchesAhead = 8;

bool is_over(cudaError_t status, const char* call) {
  if (status == cudaErrorNotReady) {
    cudaGetLastError();  // clears it: "not yet" is no error
    return false;
  }
  check_cuda(status, call);
  return true;
}

}  // namespace

HostWait& host_wait() {
  static HostWait wait = nullptr;
  return wait;
}

bool& device_is_lost() {
  static bool is_lost = false;
  return is_lost;
}

void wait_for_stream(const Cuda& cuda) {
  if (host_wait() != nullptr)
    host_wait()([&] { return is_over(cudaStreamQuery(cuda.stream()), "cudaStreamQuery"); });
  else
    KELVIN_CHECK_CUDA(cudaStreamSynchronize(cuda.stream()));
}

void wait_for_event(cudaEvent_t event) {
  if (host_wait() != nullptr)
    host_wait()([&] { return is_over(cudaEventQuery(event), "cudaEventQuery"); });
  else
    KELVIN_CHECK_CUDA(cudaEventSynchronize(event));
}

void limit_launches_ahead(const Cuda& cuda) {
  if (host_wait() == nullptr) return;
  static std::array<cudaEvent_t, kLaunchesAhead> events{};
  static std::size_t turn = 0;
  cudaEvent_t& event = events[turn++ % kLaunchesAhead];
  if (event != nullptr)
    wait_for_event(event);
  else
    KELVIN_CHECK_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  KELVIN_CHECK_CUDA(cudaEventRecord(event, cuda.stream()));
}

}  // namespace kelvin
