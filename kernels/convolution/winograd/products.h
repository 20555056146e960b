// Products of bfloat16 matrices summed in float32, on AVX512_BF16: one instruction multiplies sixteen pairs with sixteen pairs
// and adds both products of each to a float.
//
// A pair is two bfloat16 that are neighbours along the summed dimension, in one 32-bit word. b is a panel [pairs, 16 · vectors];
// a is read one word at a time at any stride, so that the same loop serves tiles [row, pair] (forward) and [pair, row] (filter
// gradient). A strip of rows x vectors accumulators stays in registers for the whole sum; each sum runs in the order of its pairs
// whatever the strip, so a result does not depend on how rows are cut.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/device/lanes.h"

namespace kelvin::winograd {

using Pair = std::uint32_t;
using Pairs = detail::Words;       // sixteen of them
using Halves = detail::HalfWords;  // sixteen bfloat16

// Sixteen floats rounded to bfloat16 by the instruction for it, which rounds denormal numbers to zero.
[[gnu::always_inline]] inline Halves round_lanes(const Lanes& v) {
  return reinterpret_cast<Halves>(_mm512_cvtneps_pbh(v));
}

// One instruction. GCC 12 compiles __builtin_convertvector to three, and warns about its own header without the mask.
[[gnu::always_inline]] inline Pairs widen(const Halves& v) {
  return reinterpret_cast<Pairs>(_mm512_maskz_cvtepu16_epi32(0xffff, reinterpret_cast<__m256i>(v)));
}

[[gnu::always_inline]] inline Pairs zip(const Halves& first, const Halves& second) {
  return widen(first) | (widen(second) << 16);
}

template <class Vector, class T>
[[gnu::always_inline]] inline void store_bits(T* to, const Vector& v) {
  std::memcpy(static_cast<void*>(to), &v, sizeof v);
}

// Columns of a panel: four vectors, or two where a matrix's width leaves 32.
inline constexpr std::int64_t kPanel = 64;

struct PairMatrix {
  const Pair* data;
  std::int64_t row_stride, pair_stride;  // in words
};

template <int rows, int vectors>
[[gnu::always_inline]] inline void multiply_strip(float* out, std::int64_t out_stride, PairMatrix a, const Pair* b,
                                                  std::int64_t pairs, bool accumulate) {
  __m512 sum[rows][vectors];
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v)
      sum[r][v] = accumulate ? _mm512_loadu_ps(out + r * out_stride + 16 * v) : _mm512_setzero_ps();
  for (std::int64_t p = 0; p < pairs; ++p) {
    __m512bh right[vectors];
    for (int v = 0; v < vectors; ++v)
      right[v] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + (p * vectors + v) * kLanes));
    for (int r = 0; r < rows; ++r) {
      const Pair word = a.data[r * a.row_stride + p * a.pair_stride];
      const auto left = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(word)));
      for (int v = 0; v < vectors; ++v) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], left, right[v]);
    }
  }
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v) _mm512_storeu_ps(out + r * out_stride + 16 * v, sum[r][v]);
}

// The last rows of a matrix: fewer than a strip has.
template <int rows, int vectors>
void multiply_rest(std::int64_t n, float* out, std::int64_t out_stride, PairMatrix a, const Pair* b, std::int64_t pairs,
                   bool accumulate) {
  if (n == rows)
    multiply_strip<rows, vectors>(out, out_stride, a, b, pairs, accumulate);
  else if constexpr (rows > 1)
    multiply_rest<rows - 1, vectors>(n, out, out_stride, a, b, pairs, accumulate);
}

template <int vectors>
void multiply_panel(std::int64_t n_rows, float* out, std::int64_t out_stride, PairMatrix a, const Pair* b,
                    std::int64_t pairs, bool accumulate) {
  constexpr int rows = 24 / vectors;  // 24 accumulators and the panel's row fit in 32 registers
  std::int64_t row = 0;
  for (; row + rows <= n_rows; row += rows)
    multiply_strip<rows, vectors>(out + row * out_stride, out_stride,
                                  {a.data + row * a.row_stride, a.row_stride, a.pair_stride}, b, pairs, accumulate);
  if (row < n_rows)
    multiply_rest<rows - 1, vectors>(n_rows - row, out + row * out_stride, out_stride,
                                     {a.data + row * a.row_stride, a.row_stride, a.pair_stride}, b, pairs, accumulate);
}

// out [n_rows, width] = (accumulate ? out : 0) + a [n_rows, pairs] · b [pairs, width]; width is 64 or 32.
inline void multiply(std::int64_t n_rows, std::int64_t width, float* out, std::int64_t out_stride, PairMatrix a,
                     const Pair* b, std::int64_t pairs, bool accumulate) {
  if (width == kPanel)
    multiply_panel<4>(n_rows, out, out_stride, a, b, pairs, accumulate);
  else
    multiply_panel<2>(n_rows, out, out_stride, a, b, pairs, accumulate);
}

}  // namespace kelvin::winograd
