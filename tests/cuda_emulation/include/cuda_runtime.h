// Stands in for the CUDA toolkit's header of the same name when the kernels are compiled for the emulated device: qualifiers,
// builtins and warp functions here, launches and the runtime library in runtime.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "tests/cuda_emulation/mathematics.h"
#include "tests/cuda_emulation/runtime.h"
#include "tests/cuda_emulation/simt.h"

#define __global__
#define __device__
#define __host__
#define __shared__ static  // one block runs at a time
#define __forceinline__ inline
#define __launch_bounds__(...)

inline const simt::Index& threadIdx = simt::here.thread;
inline const simt::Index& blockIdx = simt::here.block;
inline const simt::Index& blockDim = simt::here.block_size;
inline const simt::Index& gridDim = simt::here.grid_size;
#define __syncthreads() simt::block_barrier(__FILE__, __LINE__)

inline void __syncwarp(unsigned mask = ~0u) { simt::warp_barrier(mask); }
inline unsigned __ballot_sync(unsigned mask, int predicate) { return simt::warp_ballot(mask, predicate != 0); }
inline int __syncthreads_or(int predicate) { return simt::block_vote(predicate != 0, simt::Vote::any); }
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const int lane = simt::lane();
  return simt::shuffle(mask, value, lane / width * width + source % width);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int flip, int width = 32) {
  const int lane = simt::lane(), source = lane ^ flip;
  return simt::shuffle(mask, value, source < lane / width * width + width ? source : lane);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, int delta, int width = 32) {
  const int lane = simt::lane(), source = lane + delta;
  return simt::shuffle(mask, value, source < lane / width * width + width ? source : lane);
}

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

// Blocks run one after another, each seeing all that those before it wrote.
inline void __threadfence() {}
inline unsigned atomicInc(unsigned* counter, unsigned last) {
  const unsigned old = *counter;
  *counter = old >= last ? 0 : old + 1;
  return old;
}

template <class T>
T __ldg(const T* p) {
  return *p;
}
inline float __uint_as_float(unsigned bits) {
  float f;
  std::memcpy(&f, &bits, sizeof f);
  return f;
}
inline unsigned __float_as_uint(float f) {
  unsigned bits;
  std::memcpy(&bits, &f, sizeof bits);
  return bits;
}
inline long long clock64() {
  static long long now = 0;
  return now += 1 << 20;
}
using std::max;
using std::min;
