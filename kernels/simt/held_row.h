// A row of a matrix in the registers of the threads that share it, so that an op with several passes over a row reads memory once. The threads
// take turns at packs of `Width` neighbouring elements. Included by .cu files only.
//
//   float held[kPerThread];
//   for_packs<Group, Width, kPerThread>(cols, group.rank(), [&](int i, int col) { ... load<Width>(x + row * cols + col) into held[i + k] ... });
#pragma once

#include "kernels/simt/groups.h"
#include "kernels/simt/packs.h"

namespace kelvin {

// Calls f(i, col) for the first element i of every pack of this thread that lies in the row, where col is its column. Width divides `cols`
// and kPerThread; rows of at most Group::kThreads · kPerThread elements.
template <class Group, int Width, int kPerThread, class F>
__device__ void for_packs(std::int64_t cols, int rank, const F& f) {
  const int first = rank * Width,
            left = static_cast<int>(cols) - first;  // compared with constants: no register a column
#pragma unroll                                      // constant indices keep `held` in registers
  for (int i = 0; i < kPerThread; i += Width)
    if (i * Group::kThreads < left) f(i, i * Group::kThreads + first);
}

}  // namespace kelvin
