// Profiles of the GPU: while a profile is taken (profile.h), each of our kernels and each call of a library is enclosed in two events of the
// stream. Included by .cu files only.
//
//   const CudaRange range(cuda, [&] { return str("conv2d ", ...); });   // until the end of the scope
//
// Ranges are not nested, so that their times add up to a step's. A range's time is the GPU's, from its first work to its last, as long as the host
// is ahead (profile_hold). A step under a profile is never recorded or replayed (step_graph.h): the kernels of a replay cannot be timed one by one.
#pragma once

#include <string>
#include <type_traits>

#include "kernels/device/cuda.h"
#include "kernels/device/profile.h"

namespace kelvin {

class CudaRange {
 public:
  // name() is called only while a profile is taken.
  template <class F>
  requires std::is_invocable_r_v<std::string, F> CudaRange(const Cuda& cuda, const F& name) {
    if (profile_is_enabled()) begin(cuda, name());
  }
  // Named after the kernel.
  CudaRange(const Cuda& cuda, const void* kernel) {
    if (profile_is_enabled()) begin(cuda, name_of_kernel(kernel));
  }
  ~CudaRange() {
    if (end_ != nullptr) cudaEventRecord(end_, stream_);
  }
  CudaRange(const CudaRange&) = delete;
  CudaRange& operator=(const CudaRange&) = delete;

 private:
  static std::string name_of_kernel(const void* kernel);
  void begin(const Cuda& cuda, std::string name);

  cudaStream_t stream_ = nullptr;
  cudaEvent_t end_ = nullptr;
};

}  // namespace kelvin
