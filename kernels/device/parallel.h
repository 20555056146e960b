// Splits [0, n) over the CPU's threads in contiguous pieces: how every CPU kernel runs in parallel.
//
//   for_each_element(y.size(), [=](std::int64_t i) { y[i] = ...; });
//
// An exception that f throws in a piece reaches the caller after all pieces have ended. Each index is in exactly one piece: elementwise work is
// deterministic for any thread count. There are no reductions here: a kernel that needs one sums partial results in a fixed order itself.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/device/first_exception.h"
#include "kernels/device/threads.h"

namespace kelvin {

// Below this many cheap elements a parallel region costs more than it saves.
inline constexpr std::int64_t kParallelGrain = 16384;

// f(begin, end). `grain` is the smallest piece worth a thread of its own; pieces start at multiples of 64 elements.
template <class F>
void parallel_for(std::int64_t n, const F& f, std::int64_t grain = kParallelGrain) {
  std::int64_t pieces = (n + grain - 1) / grain;
  if (pieces > 1) pieces = std::min<std::int64_t>(usable_threads(), pieces);
  if (pieces <= 1) {
    if (n > 0) f(std::int64_t{0}, n);
    return;
  }
  const std::int64_t unit = grain >= 64 ? 64 : 1;
  const std::int64_t units = (n + unit - 1) / unit;
  FirstException failure;
#pragma omp parallel for schedule(static) num_threads(static_cast <int>(pieces))
  for (std::int64_t piece = 0; piece < pieces; ++piece) {
    const std::int64_t begin = units * piece / pieces * unit;
    const std::int64_t end = std::min(n, units * (piece + 1) / pieces * unit);
    if (begin < end) failure.guard([&] { f(begin, end); });
  }
  failure.rethrow();
}

// f(i) for each of n cheap elements.
template <class F>
void for_each_element(std::int64_t n, const F& f) {
  parallel_for(n, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) f(i);
  });
}

// f(row) for each of `rows` rows of `cols` cheap elements.
template <class F>
void for_each_row(std::int64_t rows, std::int64_t cols, const F& f) {
  parallel_for(
      rows,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) f(row);
      },
      std::max<std::int64_t>(1, kParallelGrain / std::max<std::int64_t>(cols, 1)));
}

}  // namespace kelvin
