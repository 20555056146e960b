// Sums over blocks in one launch: each block leaves its part in memory and takes a ticket, and who takes the last one adds all parts up, in
// a fixed order (as CUDA's sample threadFenceReduction does). A second launch would take microseconds, of which a small network has
// dozens a step. Included by .cu files only.
//
//   partial[blockIdx.x] = ...;                          // of any threads of the block
//   if (!is_last_block(0, gridDim.x)) return;           // every thread of the block must call it
//   ... partial[0] + partial[1] + ... in one block
#pragma once

#include "kernels/simt/launch.h"

namespace kelvin {

inline constexpr int kMostTickets = 256;

// How many blocks have left their parts of each sum of a launch. Zero before and after every launch: atomicInc goes back to zero by itself.
// Launches follow one another on the device's one stream.
static __device__ unsigned tickets[kMostTickets];

// Whether this block is the last of `blocks` that have called it for sum number `sum` < kMostTickets: it may read what the others have left.
static __device__ bool is_last_block(unsigned sum, unsigned blocks) {
  __shared__ bool is_last;
  __syncthreads();  // every thread of the block has left its part
  if (threadIdx.x == 0) {
    // One thread's fences are enough (as in a grid's synchronisation of cooperative groups): with the barriers around them they order what
    // the others wrote, and will read, too.
    __threadfence();
    is_last = atomicInc(&tickets[sum], blocks - 1) == blocks - 1;
    __threadfence();
  }
  __syncthreads();  // read after write: the answer is there
  return is_last;
}

}  // namespace kelvin
