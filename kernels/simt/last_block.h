// Sums over blocks in one launch: each block writes its part to memory and takes a ticket. The block with the last ticket adds all parts, in a
// fixed order (as in CUDA's sample threadFenceReduction). A second launch would take microseconds, and a small network has dozens of
// such sums a step. Included by .cu files only.
//
//   partial[blockIdx.x] = ...;                          // by any threads of the block
//   if (!is_last_block(0, gridDim.x)) return;           // every thread of the block must call it
//   ... partial[0] + partial[1] + ... in one block
#pragma once

#include "kernels/simt/launch.h"

namespace kelvin {

inline constexpr int kMostTickets = 256;

// The number of blocks that have written their part of each sum of a launch. Zero before and after every launch: atomicInc wraps to zero.
// Launches follow one another on the device's one stream.
static __device__ unsigned tickets[kMostTickets];

// Whether this block is the last of `blocks` that call it for sum number `sum` < kMostTickets. The last block may read the parts of the others.
static __device__ bool is_last_block(unsigned sum, unsigned blocks) {
  __shared__ bool is_last;
  __syncthreads();  // every thread of the block has written its part
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
