// CPU: products of matrices in words, summed in float32. A word is what one instruction multiplies with each lane of a vector: a float, or
// a pair of bfloat16 that are neighbours along the summed dimension.
//
// b is a panel [words, width]; a is read one word at a time at any stride, so that the same loop serves tiles [row, word] (forward) and
// [word, row] (filter gradient). A strip of rows x vectors accumulators stays in registers; each sum runs in the order of its words
// whatever the strip, so a result does not depend on how rows are cut.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/device/lanes.h"

namespace kelvin::winograd {

// Columns of a panel; the last one of a matrix may be narrower, by multiples of 16.
inline constexpr std::int64_t kPanel = 64;

// Words of a panel that are multiplied at once: 32 KB of it stay in the first-level cache while all rows pass.
inline constexpr std::int64_t kWordsAtOnce = 128;

template <class P>
struct WordMatrix {
  const typename P::Word* data;
  std::int64_t row_stride, word_stride;
};

// out [rows, vectors] = (accumulate ? out : 0) + a [rows, words] · b [words, vectors]
template <class P, int rows, int vectors>
[[gnu::always_inline]] inline void multiply_strip(float* out, std::int64_t out_stride, WordMatrix<P> a,
                                                  const typename P::Word* b, std::int64_t b_stride, std::int64_t words,
                                                  bool accumulate) {
  typename P::Sums sum[rows][vectors];
#pragma GCC unroll 24
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      sum[r][v] = accumulate ? P::load_sums(out + r * out_stride + P::kWidth * v) : typename P::Sums{};
  for (std::int64_t w = 0; w < words; ++w) {
    typename P::Words right[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) right[v] = P::load_words(b + w * b_stride + P::kWidth * v);
#pragma GCC unroll 24
    for (int r = 0; r < rows; ++r) {
      const typename P::Word word = a.data[r * a.row_stride + w * a.word_stride];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sum[r][v] = P::add_product(sum[r][v], word, right[v]);
    }
  }
#pragma GCC unroll 24
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) std::memcpy(out + r * out_stride + P::kWidth * v, &sum[r][v], sizeof sum[r][v]);
}

// The last rows of a matrix: fewer than a strip has.
template <class P, int rows, int vectors>
void multiply_rest(std::int64_t n, float* out, std::int64_t out_stride, WordMatrix<P> a, const typename P::Word* b,
                   std::int64_t b_stride, std::int64_t words, bool accumulate) {
  if (n == rows)
    multiply_strip<P, rows, vectors>(out, out_stride, a, b, b_stride, words, accumulate);
  else if constexpr (rows > 1)
    multiply_rest<P, rows - 1, vectors>(n, out, out_stride, a, b, b_stride, words, accumulate);
}

template <class P, int vectors>
void multiply_columns(std::int64_t n_rows, float* out, std::int64_t out_stride, WordMatrix<P> a,
                      const typename P::Word* b, std::int64_t b_stride, std::int64_t words, bool accumulate) {
  constexpr int rows = std::min(12, P::kAccumulators / vectors);
  const auto from = [&](std::int64_t row) {
    return WordMatrix<P>{a.data + row * a.row_stride, a.row_stride, a.word_stride};
  };
  std::int64_t row = 0;
  for (; row + rows <= n_rows; row += rows)
    multiply_strip<P, rows, vectors>(out + row * out_stride, out_stride, from(row), b, b_stride, words, accumulate);
  if (row < n_rows)
    multiply_rest<P, rows - 1, vectors>(n_rows - row, out + row * out_stride, out_stride, from(row), b, b_stride, words,
                                        accumulate);
}

// out [n_rows, width] = (accumulate ? out : 0) + a [n_rows, words] · b [words, width]; width is a multiple of 16, at most 64.
template <class P>
void multiply(std::int64_t n_rows, std::int64_t width, float* out, std::int64_t out_stride, WordMatrix<P> a,
              const typename P::Word* b, std::int64_t words, bool accumulate) {
  for (std::int64_t w = 0; w < words; w += kWordsAtOnce) {
    const std::int64_t n = std::min(kWordsAtOnce, words - w);
    const WordMatrix<P> part{a.data + w * a.word_stride, a.row_stride, a.word_stride};
    for (std::int64_t col = 0; col < width;) {
      const typename P::Word* const panel = b + w * width + col;
      const std::int64_t vectors = std::min<std::int64_t>(P::kVectors, (width - col) / P::kWidth);
      const auto run = [&]<int n_vectors>(std::integral_constant<int, n_vectors>) {
        multiply_columns<P, n_vectors>(n_rows, out + col, out_stride, part, panel, width, n, accumulate || w > 0);
      };
      if (vectors == 4)
        run(std::integral_constant<int, 4>{});
      else if (vectors == 3)
        run(std::integral_constant<int, 3>{});
      else if (vectors == 2)
        run(std::integral_constant<int, 2>{});
      else
        run(std::integral_constant<int, 1>{});
      col += vectors * P::kWidth;
    }
  }
}

}  // namespace kelvin::winograd
