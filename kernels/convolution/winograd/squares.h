// CPU: the transforms of algorithms.h applied to squares of vectors, a vector for sixteen channels or fewer. The places of a square are
// numbered row by row.
#pragma once

#include <array>

#include "kernels/convolution/winograd/algorithms.h"

namespace kelvin::winograd {

// T s T' for the square s whose columns `load_column(j)` reads; `store_row(i, row)` takes the result's rows. `line` is the transform T.
template <int from, int to, class Load, class Line, class Store>
[[gnu::always_inline]] inline void transform_square(const Load& load_column, const Line& line, const Store& store_row) {
  using V = typename decltype(load_column(0))::value_type;
  std::array<std::array<V, from>, to> half;  // T s
#pragma GCC unroll 6
  for (int j = 0; j < from; ++j) {
    const std::array<V, to> column = line(load_column(j));
#pragma GCC unroll 6
    for (int i = 0; i < to; ++i) half[i][j] = column[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < to; ++i) store_row(i, line(half[i]));
}

// Column j of a square of `side` rows and columns whose places lie `stride` apart.
template <class V, int side, class Read, class T>
[[gnu::always_inline]] inline std::array<V, side> load_places(const Read& read, const T* first, std::int64_t stride,
                                                              int j) {
  std::array<V, side> column;
  const T* p = first + j * stride;
#pragma GCC unroll 6
  for (int i = 0; i < side; ++i, p += side * stride) column[i] = read(p);
  return column;
}

// B' d B
template <class A, class Load, class Store>
[[gnu::always_inline]] inline void transform_input(const Load& load, const Store& store) {
  using V = typename decltype(load(0))::value_type;
  transform_square<A::kInputs, A::kInputs>(
      load, [](const auto& d) { return A::template input<std::array<V, A::kInputs>>(d); }, store);
}

// A' m A
template <class A, class Load, class Store>
[[gnu::always_inline]] inline void transform_output(const Load& load, const Store& store) {
  using V = typename decltype(load(0))::value_type;
  transform_square<A::kInputs, A::kOutputs>(
      load, [](const auto& m) { return A::template output<std::array<V, A::kOutputs>>(m); }, store);
}

// A dy A'
template <class A, class Load, class Store>
[[gnu::always_inline]] inline void transform_cotangent(const Load& load, const Store& store) {
  using V = typename decltype(load(0))::value_type;
  transform_square<A::kOutputs, A::kInputs>(
      load, [](const auto& dy) { return A::template cotangent<std::array<V, A::kInputs>>(dy); }, store);
}

// G g G'
template <class A, class Load, class Store>
[[gnu::always_inline]] inline void transform_filter(const Load& load, const Store& store) {
  using V = typename decltype(load(0))::value_type;
  transform_square<kTaps, A::kInputs>(
      load, [](const auto& g) { return A::template filter<std::array<V, A::kInputs>>(g); }, store);
}

// G' u G
template <class A, class Load, class Store>
[[gnu::always_inline]] inline void transform_filter_gradient(const Load& load, const Store& store) {
  using V = typename decltype(load(0))::value_type;
  transform_square<A::kInputs, kTaps>(
      load, [](const auto& u) { return A::template filter_gradient<std::array<V, kTaps>>(u); }, store);
}

}  // namespace kelvin::winograd
