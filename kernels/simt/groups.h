// Threads that compute one row together: a warp or a part of it, or a whole block. Every thread of the group gets the sum or maximum. The order
// of additions is fixed, so results are deterministic. Included by .cu files only.
//
//   template <class Group> __global__ void kernel(...) {
//     const Group group;
//     for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads) ...
//     const float total = group.sum(partial);
//   }
//   with_row_group(cols, [&]<class Group>(Group) { launch_rows<Group>(cuda, kernel<T, Group>, rows, arguments...); });
#pragma once

#include "kernels/device/dtype.h"
#include "kernels/simt/launch.h"

namespace kelvin {

inline constexpr int kWarpSize = 32;
inline constexpr unsigned kAllLanes = 0xffffffffu;

struct Add {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
struct Max {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};

// The value of the lane whose number differs in the bits of `flip`. A struct that is reduced brings its own overload.
template <class T>
__device__ T shuffle_xor(T value, int flip) {
  return __shfl_xor_sync(kAllLanes, value, flip);
}

// Butterfly over neighbours of `Lanes` lanes, a power of 2: every lane ends with the same value. All lanes of the warp must call it.
template <int Lanes, class T, class Combine>
__device__ T lane_reduce(T value, Combine combine) {
  for (int flip = Lanes / 2; flip > 0; flip /= 2) value = combine(value, shuffle_xor(value, flip));
  return value;
}

// A warp or a part of one, for rows of a few elements. All lanes of the warp must take part in its reductions, whether they have a row or not.
template <int Lanes>
struct LaneGroup {
  static constexpr int kThreads = Lanes;
  static constexpr int kRowsPerBlock = 4 * kWarpSize / Lanes;
  __device__ int rank() const { return static_cast<int>(threadIdx.x) % Lanes; }
  __device__ std::int64_t row() const {
    return static_cast<std::int64_t>(blockIdx.x) * kRowsPerBlock + threadIdx.x / Lanes;
  }
  template <class T, class Combine>
  __device__ T reduce(T value, Combine combine) const {
    return lane_reduce<Lanes>(value, combine);
  }
  template <class T>
  __device__ T sum(T value) const {
    return reduce(value, Add{});
  }
  template <class T>
  __device__ T max(T value) const {
    return reduce(value, Max{});
  }
};

using WarpGroup = LaneGroup<kWarpSize>;

template <int Threads>
struct BlockGroup {
  static constexpr int kThreads = Threads;
  static constexpr int kRowsPerBlock = 1;
  __device__ int rank() const { return static_cast<int>(threadIdx.x); }
  __device__ std::int64_t row() const { return blockIdx.x; }
  // Every thread of the block must call it.
  template <class T, class Combine>
  __device__ T reduce(T value, Combine combine) const {
    constexpr int kWarps = Threads / kWarpSize;
    static_assert(Threads % kWarpSize == 0 && kWarps <= kWarpSize && (kWarps & (kWarps - 1)) == 0);
    __shared__ T warp_values[kWarps];
    value = lane_reduce<kWarpSize>(value, combine);
    if (rank() % kWarpSize == 0) warp_values[rank() / kWarpSize] = value;
    __syncthreads();  // read after write: every warp's result is there
    // Every warp combines them all, a lane each: 5 steps where a loop over 32 warps would take 31.
    value = lane_reduce<kWarps>(warp_values[rank() % kWarps], combine);
    __syncthreads();  // write after read: the next reduction may overwrite warp_values
    return value;
  }
  template <class T>
  __device__ T sum(T value) const {
    return reduce(value, Add{});
  }
  template <class T>
  __device__ T max(T value) const {
    return reduce(value, Max{});
  }
};

// Calls f with the right group for rows of `cols` elements: a warp, or a block for long rows.
template <class F>
void with_row_group(std::int64_t cols, const F& f) {
  if (cols <= 1024)
    f(WarpGroup{});
  else
    f(BlockGroup<512>{});
}

// One group a row. The kernel must return at once where Group::row() >= rows.
template <class Group, class... Parameters, class... Arguments>
void launch_rows(const Cuda& cuda, void (*kernel)(Parameters...), std::int64_t rows, Arguments&&... arguments) {
  launch(cuda, kernel, {.grid = pieces(rows, Group::kRowsPerBlock), .block = Group::kThreads * Group::kRowsPerBlock},
         std::forward<Arguments>(arguments)...);
}

}  // namespace kelvin
