// Shared memory whose size the launch gives (`LaunchShape::shared`), for more than 48 KiB or a size that is known only at run time. Included by
// .cu files only.
//
//   float* const held = dynamic_shared<float>();      launch(cuda, kernel, {..., .shared = bytes}, arguments...);
//
// A block has one such array, aligned to 16 bytes and uninitialised. The emulated device replaces this header by its own
// (tests/cuda_emulation/include), because no host compiler has an `extern` array for each block.
#pragma once

namespace kelvin {

template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ float4 dynamic_shared_memory[];
  return reinterpret_cast<T*>(dynamic_shared_memory);
}

}  // namespace kelvin
