// Reading and writing a ReLU's mask (kernels/layers/relu_mask.h) beside packs of N elements. Included by .cu files only.
//
//   const unsigned bits = load_bits<N>(mask, i);           bit k: whether element i + k was positive; N = 1, 4 or 8 divides i
//   store_bits<N>(mask, i, positive_bits(values));         N = 4 or 8
#pragma once

#include <cstdint>

#include "kernels/simt/packs.h"

namespace kelvin {

template <int N>
__device__ __forceinline__ unsigned load_bits(const std::uint8_t* mask, std::int64_t i) {
  static_assert(N == 1 || N == 4 || N == 8);
  return mask[i >> 3] >> (static_cast<unsigned>(i) & (8 - N));
}

template <int N>
__device__ __forceinline__ unsigned positive_bits(const Pack<N>& values) {
  unsigned bits = 0;
  for (int k = 0; k < N; ++k) bits |= values[k] > 0.0f ? 1u << k : 0u;
  return bits;
}

// g where its bit is set, otherwise 0
template <int N>
__device__ __forceinline__ Pack<N> where_bits(unsigned bits, Pack<N> g) {
  for (int k = 0; k < N; ++k) g[k] = (bits >> k & 1u) != 0 ? g[k] : 0.0f;
  return g;
}

// With packs of four two threads share a byte: lanes 2j and 2j + 1 of a warp must hold its two halves and call this together.
template <int N>
__device__ __forceinline__ void store_bits(std::uint8_t* mask, std::int64_t i, unsigned bits) {
  static_assert(N == 4 || N == 8);
  if constexpr (N == 8) {
    mask[i >> 3] = static_cast<std::uint8_t>(bits);
  } else {
    const unsigned lane = threadIdx.x % 32, pair = 3u << (lane & 30u);
    const unsigned other = __shfl_xor_sync(pair, bits, 1);
    if (lane % 2 == 0) mask[i >> 3] = static_cast<std::uint8_t>(bits | other << 4);
  }
}

}  // namespace kelvin
