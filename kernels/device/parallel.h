// Splits [0, n) over the CPU's threads in contiguous pieces: how every CPU kernel runs in parallel.
//
//   for_each_element(y.size(), [=](std::int64_t i) { y[i] = ...; });
//
// An exception that f throws in a piece reaches the caller after all pieces have ended. Each index is in exactly one piece: elementwise work is
// deterministic for any thread count. There are no reductions here: a kernel that needs one sums partial results in a fixed order itself.
// Whether the threads share the work depends on its amount alone: one thread has it all, or every thread has its piece. (libgomp ends the threads
// that a smaller team leaves out, and starts them again for the next one.)
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/device/first_exception.h"
#include "kernels/device/threads.h"

namespace kelvin {

// The least work that threads share, in cheap elements such as those of a ReLU (0.08 ns each on one core of an EPYC of 2024), and in floating-point
// operations of products and convolutions: some 40 µs. A parallel region costs 2 µs where its threads are awake and 15 to 45 µs where they sleep.
inline constexpr std::int64_t kParallelGrain = std::int64_t{1} << 19;
inline constexpr std::int64_t kParallelOperations = std::int64_t{1} << 22;

// kParallelGrain; tests lower it, so that the threads share small arrays, too.
extern std::int64_t least_shared_work;

// f(begin, end). `cost`: the work of one index in cheap elements. Pieces of cheap elements start at multiples of 64.
template <class F>
void parallel_for(std::int64_t n, const F& f, std::int64_t cost = 1) {
  const bool is_shared = n > 1 && n >= least_shared_work / std::max<std::int64_t>(cost, 1);
  const std::int64_t pieces = is_shared ? std::min<std::int64_t>(usable_threads(), n) : 1;
  if (pieces <= 1) {
    if (n > 0) f(std::int64_t{0}, n);
    return;
  }
  const std::int64_t unit = cost == 1 ? 64 : 1;
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

// f(i) for each of n elements.
template <class F>
void for_each_element(std::int64_t n, const F& f, std::int64_t cost = 1) {
  parallel_for(
      n,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) f(i);
      },
      cost);
}

// f(row) for each of `rows` rows, whose work is that of `cost` cheap elements.
template <class F>
void for_each_row(std::int64_t rows, std::int64_t cost, const F& f) {
  for_each_element(rows, f, std::max<std::int64_t>(cost, 2));
}

}  // namespace kelvin
