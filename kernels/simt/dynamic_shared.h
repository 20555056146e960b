// Shared memory whose size the launch gives (`LaunchShape::shared`), for what is too much for 48 KiB or known at run time only. Included by
// .cu files only.
//
//   float* const held = dynamic_shared<float>();      launch(cuda, kernel, {..., .shared = bytes}, arguments...);
//
// A block has one such memory, aligned to 16 bytes and filled with nothing. The emulated device has a header of its own in this one's place
// (tests/cuda_emulation/include): no host compiler knows an `extern` array that every block has for itself.
#pragma once

namespace kelvin {

template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ float4 dynamic_shared_memory[];
  return reinterpret_cast<T*>(dynamic_shared_memory);
}

}  // namespace kelvin
