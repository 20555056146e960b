// The parts of split_matmul.cu's kernel: slices of the factors in shared memory, numbers split into two of TF32, and the tile of y that a warp
// computes. Included by that file alone.
#pragma once

#include "kernels/simt/packs.h"
#include "kernels/simt/tensor_core.h"

namespace kelvin::split {

constexpr int kRows = 128, kCols = 64, kThreads = 256, kWarps = kThreads / 32;  // a block's tile of y
constexpr int kSlice = 16, kStep = 8;          // terms of a slice, and of a product of the tensor cores
constexpr int kStages = 4, kBlocksAtOnce = 2;  // slices in shared memory; blocks on a multiprocessor

// A factor's slices: kOuter rows (or columns) of y by kSlice terms, in shared memory one after another.
// kTermsFirst: in memory the terms of a row are neighbours; otherwise the rows of a term are. The pitches put the numbers of a warp in 32 banks.
template <int kOuter, bool kTermsFirst>
class Slices {
 public:
  static constexpr int kPitch = kTermsFirst ? kSlice + 8 : kOuter + 4;
  static constexpr int kSize = kTermsFirst ? kOuter * kPitch : kSlice * kPitch;

  // Of the factor at `from`, rows (or columns) from first_outer on, terms from first_term on.
  __device__ Slices(const float* from, std::int64_t pitch, int first_outer, int outers, int first_term) {
    const int line = static_cast<int>(threadIdx.x) / kAcross, at = static_cast<int>(threadIdx.x) % kAcross * 4;
    outers_ = outers - first_outer - (kTermsFirst ? line : at);
    term_ = kTermsFirst ? at : line;
    const std::int64_t outer = first_outer + (kTermsFirst ? line : at), term = first_term + term_;
    next_ = from + (kTermsFirst ? outer * pitch + term : term * pitch + outer);
    pitch_ = pitch;
    place_ = line * kPitch + at;
  }
  // Begins to copy the next slice. `terms` of the sum's terms are left; beyond them the slice is zero.
  __device__ __forceinline__ void fetch(CopyGroups& copies, float* shared, int terms) {
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      const bool is_there = i * (kTermsFirst ? kLines : 0) < outers_ && term_ + i * (kTermsFirst ? 0 : kLines) < terms;
      copies.copy_16(shared + place_ + i * kLines * kPitch, next_ + i * kLines * pitch_, is_there);
    }
    next_ += kTermsFirst ? kSlice : kSlice * pitch_;
  }
  // Terms `term` and `term` + 1 of a row.
  static __device__ __forceinline__ Pack<2> two(const float* shared, int outer, int term) {
    if constexpr (kTermsFirst) return load<2>(shared + outer * kPitch + term);
    return {{shared[term * kPitch + outer], shared[(term + 1) * kPitch + outer]}};
  }

 private:
  static constexpr int kAcross = (kTermsFirst ? kSlice : kOuter) / 4;  // copies of a line, four numbers each
  static constexpr int kLines = kThreads / kAcross, kCopies = kOuter * kSlice / 4 / kThreads;
  static_assert(kThreads % kAcross == 0 && kCopies * kThreads * 4 == kOuter * kSlice);
  const float* next_;
  std::int64_t pitch_;
  int outers_, term_, place_;  // rows from this thread's first on, its term of a slice, where its first copy goes
};

// x = high + low, each rounded to TF32's 11 bits.
template <int N>
struct Split {
  Pack<N> high, low;
  __device__ __forceinline__ void set(int i, float x) {
    high[i] = as_tf32(x);
    low[i] = as_tf32(x - high[i]);
  }
};

// What a warp computes: 32 · kGroups rows and 32 columns of a block's tile. kGroups warps share such a part: each adds every kGroups-th step of a slice.
template <int kGroups>
struct WarpTile {
  static constexpr int kRowsOfWarp = 32 * kGroups, kColsOfWarp = 32, kAcross = kCols / kColsOfWarp;
  static constexpr int kDown = kRowsOfWarp / 16, kRight = kColsOfWarp / 8;  // products of the tensor cores
  static_assert(kRows / kRowsOfWarp * kAcross * kGroups == kWarps);
  Pack<4> sums[kDown][kRight] = {};
  int lane, g, t;   // the instruction's layout (tensor_core.h)
  int part, group;  // of the tile, and which of the part's warps this is
  int row, col;     // the part's first in the tile

  __device__ WarpTile() {
    lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
    part = static_cast<int>(threadIdx.x) / 32 % (kWarps / kGroups);
    group = static_cast<int>(threadIdx.x) / 32 / (kWarps / kGroups);
    row = part / kAcross * kRowsOfWarp, col = part % kAcross * kColsOfWarp;
  }

  // Adds the products of kStep terms from `first` on.
  template <class SlicesA, class SlicesB>
  __device__ __forceinline__ void add_step(const float* a_slice, const float* b_slice, int first) {
    // A lane holds the neighbouring terms 2t and 2t + 1 where the instruction expects t and t + 4. Both factors do so: the sum is the same.
    const int term = first + 2 * t;
    Split<2> right[kRight];
#pragma unroll
    for (int j = 0; j < kRight; ++j) {
      const Pack<2> two = SlicesB::two(b_slice, col + j * 8 + g, term);
      right[j].set(0, two[0]);
      right[j].set(1, two[1]);
    }
#pragma unroll
    for (int i = 0; i < kDown; ++i) {
      Split<4> left;
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const Pack<2> two = SlicesA::two(a_slice, row + i * 16 + half * 8 + g, term);
        left.set(half, two[0]);
        left.set(half + 2, two[1]);
      }
      Pack<4> step_sums[kRight] = {};
#pragma unroll
      for (int j = 0; j < kRight; ++j) add_product_of_tf32(step_sums[j], left.low, right[j].high);
#pragma unroll
      for (int j = 0; j < kRight; ++j) add_product_of_tf32(step_sums[j], left.high, right[j].low);
#pragma unroll
      for (int j = 0; j < kRight; ++j) add_product_of_tf32(step_sums[j], left.high, right[j].high);
#pragma unroll
      for (int j = 0; j < kRight; ++j)
#pragma unroll
        for (int k = 0; k < 4; ++k) sums[i][j][k] += step_sums[j][k];
    }
  }

  // f(sum, its number) of the sums that belong to a warp of the pair.
  template <class F>
  __device__ __forceinline__ void for_sums_of(int group_index, const F& f) {
#pragma unroll
    for (int i = 0; i < kDown; ++i)
      if (i % kGroups == group_index)
#pragma unroll
        for (int j = 0; j < kRight; ++j)
#pragma unroll
          for (int k = 0; k < 4; ++k) f(sums[i][j][k], (i * kRight + j) * 4 + k);
  }

  // Each warp of a pair gives half of its sums to the other. All threads of the block must call it.
  __device__ __forceinline__ void share_sums(float* shared) {
    if constexpr (kGroups == 2) {
      float* const places = shared + part * (kDown * kRight * 4 * 32) + lane;
      __syncthreads();  // write after read: no warp reads the slices any more
      for_sums_of(1 - group, [&](float sum, int number) { places[number * 32] = sum; });
      __syncthreads();  // read after write: the other's sums are there
      for_sums_of(group, [&](float& sum, int number) { sum += places[number * 32]; });
    }
  }

  // f(row, column, the sums of that and the next column) in the tile, of what this thread has to store.
  template <class F>
  __device__ __forceinline__ void for_pairs(const F& f) const {
#pragma unroll
    for (int i = 0; i < kDown; ++i)
      if (i % kGroups == group)
#pragma unroll
        for (int half = 0; half < 2; ++half)
#pragma unroll
          for (int j = 0; j < kRight; ++j)
            f(row + i * 16 + half * 8 + g, col + j * 8 + 2 * t,
              Pack<2>{{sums[i][j][2 * half], sums[i][j][2 * half + 1]}});
  }
};

}  // namespace kelvin::split
