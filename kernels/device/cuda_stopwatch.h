// How long the GPU takes for something, to choose between ways of doing it when a shape is first met. Waits for the GPU: not inside a
// captured step. Included by .cu files only.
//
//   CudaStopwatch watch(cuda);
//   const float time = watch.milliseconds([&] { launch(...); });
#pragma once

#include "kernels/device/cuda.h"

namespace kelvin {

class CudaStopwatch {
 public:
  explicit CudaStopwatch(const Cuda& cuda) : stream_(cuda.stream()) {
    KELVIN_CHECK_CUDA(cudaEventCreate(&begin_));
    KELVIN_CHECK_CUDA(cudaEventCreate(&end_));
  }
  ~CudaStopwatch() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
  }
  CudaStopwatch(const CudaStopwatch&) = delete;
  CudaStopwatch& operator=(const CudaStopwatch&) = delete;

  // Of three runs after one to warm up.
  template <class F>
  float milliseconds(const F& f) {
    f();
    KELVIN_CHECK_CUDA(cudaEventRecord(begin_, stream_));
    for (int i = 0; i < 3; ++i) f();
    KELVIN_CHECK_CUDA(cudaEventRecord(end_, stream_));
    KELVIN_CHECK_CUDA(cudaEventSynchronize(end_));
    float elapsed = 0;
    KELVIN_CHECK_CUDA(cudaEventElapsedTime(&elapsed, begin_, end_));
    return elapsed / 3;
  }

 private:
  cudaStream_t stream_;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

}  // namespace kelvin
