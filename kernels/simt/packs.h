// Several neighbouring elements as floats: how kernels read and write storage types. Included by .cu files only.
//
//   const Pack<8> v = load<8>(x + i);     one 16-byte access of bfloat16, two of float; x + i must be 16-byte aligned
//   const Pack<2> u = load<2>(x + i);     one 8-byte access of float; x + i must be 8-byte aligned
//   store<1>(y + i, v);                   one element, any alignment
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/dtype.h"

namespace kelvin {

template <int N>
struct Pack {
  float v[N];
  __device__ float& operator[](int i) { return v[i]; }
  __device__ float operator[](int i) const { return v[i]; }
};

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(bfloat16 x) { return __uint_as_float(static_cast<unsigned>(x.bits) << 16); }
__device__ __forceinline__ void from_float(float& to, float x) { to = x; }
__device__ __forceinline__ void from_float(bfloat16& to, float x) {
  to.bits = __bfloat16_as_ushort(__float2bfloat16_rn(x));
}

template <int N>
__device__ __forceinline__ Pack<N> load(const float* p) {
  Pack<N> out;
  if constexpr (N % 4 == 0) {
    for (int k = 0; k < N; k += 4) {
      const float4 four = *reinterpret_cast<const float4*>(p + k);
      out.v[k] = four.x;
      out.v[k + 1] = four.y;
      out.v[k + 2] = four.z;
      out.v[k + 3] = four.w;
    }
  } else if constexpr (N == 2) {
    const float2 two = *reinterpret_cast<const float2*>(p);
    out.v[0] = two.x;
    out.v[1] = two.y;
  } else {
    for (int k = 0; k < N; ++k) out.v[k] = p[k];
  }
  return out;
}

template <int N>
__device__ __forceinline__ Pack<N> load(const bfloat16* p) {
  Pack<N> out;
  if constexpr (N == 8) {
    const uint4 words = *reinterpret_cast<const uint4*>(p);
    const unsigned pairs[4] = {words.x, words.y, words.z, words.w};
    for (int k = 0; k < 4; ++k) {
      out.v[2 * k] = __uint_as_float(pairs[k] << 16);
      out.v[2 * k + 1] = __uint_as_float(pairs[k] & 0xffff0000u);
    }
  } else {
    for (int k = 0; k < N; ++k) out.v[k] = to_float(p[k]);
  }
  return out;
}

template <int N>
__device__ __forceinline__ void store(float* p, const Pack<N>& values) {
  if constexpr (N % 4 == 0) {
    for (int k = 0; k < N; k += 4)
      *reinterpret_cast<float4*>(p + k) = make_float4(values.v[k], values.v[k + 1], values.v[k + 2], values.v[k + 3]);
  } else if constexpr (N == 2) {
    *reinterpret_cast<float2*>(p) = make_float2(values.v[0], values.v[1]);
  } else {
    for (int k = 0; k < N; ++k) p[k] = values.v[k];
  }
}

template <int N>
__device__ __forceinline__ void store(bfloat16* p, const Pack<N>& values) {
  if constexpr (N == 8) {
    unsigned pairs[4];
    for (int k = 0; k < 4; ++k)
      pairs[k] = static_cast<unsigned>(__bfloat16_as_ushort(__float2bfloat16_rn(values.v[2 * k]))) |
                 static_cast<unsigned>(__bfloat16_as_ushort(__float2bfloat16_rn(values.v[2 * k + 1]))) << 16;
    *reinterpret_cast<uint4*>(p) = make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
  } else {
    for (int k = 0; k < N; ++k) from_float(p[k], values.v[k]);
  }
}

}  // namespace kelvin
