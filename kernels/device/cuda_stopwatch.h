// Measures time on the GPU, to choose between algorithms when a shape is first met. Waits for the GPU: not inside a captured step.
// Included by .cu files only.
//
//   CudaStopwatch watch(cuda);
//   const float time = watch.milliseconds([&] { launch(...); });
#pragma once

#include <exception>
#include <optional>
#include <vector>

#include "kernels/device/cuda.h"
#include "kernels/device/cuda_hold.h"
#include "kernels/device/host_wait.h"

namespace kelvin {

class CudaStopwatch {
 public:
  explicit CudaStopwatch(const Cuda& cuda) : cuda_(cuda) {
    KELVIN_CHECK_CUDA(cudaEventCreate(&begin_));
    KELVIN_CHECK_CUDA(cudaEventCreate(&end_));
  }
  ~CudaStopwatch() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
  }
  CudaStopwatch(const CudaStopwatch&) = delete;
  CudaStopwatch& operator=(const CudaStopwatch&) = delete;

  // The mean of three runs after one to warm up. The host is ahead of the GPU during the three, as in a replayed step.
  template <class F>
  float milliseconds(const F& f) {
    f();
    hold_stream(cuda_, 0.2);
    KELVIN_CHECK_CUDA(cudaEventRecord(begin_, cuda_.stream()));
    for (int i = 0; i < 3; ++i) f();
    KELVIN_CHECK_CUDA(cudaEventRecord(end_, cuda_.stream()));
    wait_for_event(end_);
    float elapsed = 0;
    KELVIN_CHECK_CUDA(cudaEventElapsedTime(&elapsed, begin_, end_));
    return elapsed / 3;
  }

 private:
  const Cuda& cuda_;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

// Of several candidates in the order of preference the one whose run(candidate) is fastest, or with by_time = false the first that can run. A difference
// below 3 % may be noise: then the earlier one is kept. A candidate that throws an Error is left out. If all do, the first error is thrown again, or
// the last one that reports a lack of memory.
template <class Candidate, class Run>
Candidate choose_candidate(const Cuda& cuda, const std::vector<Candidate>& candidates, bool by_time, const Run& run) {
  constexpr float kWorthwhile = 0.97f;
  CudaStopwatch watch(cuda);
  std::optional<Candidate> best;
  float best_time = 0;
  std::exception_ptr failure;
  for (const Candidate& candidate : candidates) try {
      if (!by_time || candidates.size() == 1) {
        run(candidate);
        return candidate;
      }
      const float time = watch.milliseconds([&] { run(candidate); });
      if (best && time > kWorthwhile * best_time) continue;
      best = candidate;
      best_time = time;
    } catch (const Error& e) {
      if (failure == nullptr || e.code() == ExitCode::out_of_memory) failure = std::current_exception();
    }
  if (best) return *best;
  KELVIN_CHECK(failure != nullptr, "no candidates");
  std::rethrow_exception(failure);
}

}  // namespace kelvin
