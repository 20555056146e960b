// Sixteen floats as one value: what a CPU kernel's inner loop works on when the accumulators must stay in registers.
//
// A GCC/Clang vector type, so the same source becomes one 512-bit, two 256-bit or four 128-bit instructions. bfloat16 is
// widened on load and rounded to nearest even on store; NaN stays NaN only in its payload's upper bits, which is enough here
// because every NaN our arithmetic makes is a quiet one.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/device/dtype.h"

namespace kelvin {

inline constexpr std::int64_t kLanes = 16;
using Lanes = float __attribute__((vector_size(64)));

namespace detail {
using Words = std::uint32_t __attribute__((vector_size(64)));
using HalfWords = std::uint16_t __attribute__((vector_size(32)));
using Integers = std::int32_t __attribute__((vector_size(64)));
// All bits of a lane become its sign bit.
[[gnu::always_inline]] inline Words sign_everywhere(const Words& w) {
  return reinterpret_cast<Words>(reinterpret_cast<Integers>(w) >> 31);
}
inline constexpr Words kBitOfLane = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                                     1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
}  // namespace detail

[[gnu::always_inline]] inline Lanes load_lanes(const float* p) {
  Lanes v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

[[gnu::always_inline]] inline Lanes load_lanes(const bfloat16* p) {
  detail::HalfWords half;
  std::memcpy(&half, p, sizeof half);
  const detail::Words words = __builtin_convertvector(half, detail::Words) << 16;
  Lanes v;
  std::memcpy(&v, &words, sizeof v);
  return v;
}

[[gnu::always_inline]] inline void store_lanes(float* p, const Lanes& v) { std::memcpy(p, &v, sizeof v); }

[[gnu::always_inline]] inline void store_lanes(bfloat16* p, const Lanes& v) {
  detail::Words words;
  std::memcpy(&words, &v, sizeof v);
  words = (words + 0x7fffu + ((words >> 16) & 1u)) >> 16;
  const detail::HalfWords half = __builtin_convertvector(words, detail::HalfWords);
  std::memcpy(static_cast<void*>(p), &half, sizeof half);
}

// All ones in the lanes that are positive, zeros in the others and where there is NaN. Integers take the place of a comparison, which GCC
// makes lane by lane where registers are narrower than Lanes.
[[gnu::always_inline]] inline detail::Words is_positive(const Lanes& v) {
  detail::Words w;
  std::memcpy(&w, &v, sizeof w);
  // The sign bit of all three is set for 0 < w <= infinity alone.
  return detail::sign_everywhere((0u - w) & ~w & (w - 0x7f800001u));
}

// v in the lanes where `all_ones` is, 0 where zeros are.
[[gnu::always_inline]] inline Lanes where(const detail::Words& all_ones, const Lanes& v) {
  detail::Words w;
  std::memcpy(&w, &v, sizeof w);
  w &= all_ones;
  Lanes kept;
  std::memcpy(&kept, &w, sizeof kept);
  return kept;
}

// v where gate > 0, otherwise 0: the derivative of ReLU seen from its output.
[[gnu::always_inline]] inline Lanes where_positive(const Lanes& gate, const Lanes& v) {
  return where(is_positive(gate), v);
}

// 0 in the lanes that are negative, v in the others and where there is NaN.
[[gnu::always_inline]] inline Lanes relu(const Lanes& v) {
  detail::Words w;
  std::memcpy(&w, &v, sizeof w);
  // The sign bit of both is set from −0 to −infinity alone.
  return where(~detail::sign_everywhere(w & (w - 0xff800001u)), v);
}

// A bit a lane, the first lane lowest: whether it is positive.
[[gnu::always_inline]] inline std::uint16_t positive_bits(const Lanes& v) {
  const detail::Words bits = is_positive(v) & detail::kBitOfLane;
  // Halves meet until two lanes have them all.
  const auto eight = __builtin_shufflevector(bits, bits, 0, 1, 2, 3, 4, 5, 6, 7) |
                     __builtin_shufflevector(bits, bits, 8, 9, 10, 11, 12, 13, 14, 15);
  const auto four =
      __builtin_shufflevector(eight, eight, 0, 1, 2, 3) | __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  const auto two = four | __builtin_shufflevector(four, four, 2, 3, 0, 1);
  return static_cast<std::uint16_t>(two[0] | two[1]);
}

// v in the lanes whose bit is set, otherwise 0; bits above the sixteenth do not matter.
[[gnu::always_inline]] inline Lanes where_bits(std::uint32_t bits, const Lanes& v) {
  return where(detail::sign_everywhere(0u - ((detail::Words{} + bits) & detail::kBitOfLane)), v);
}

// One register of floats, for loops that keep many sums in registers: GCC keeps variables of a wider vector type in memory. GCC's macro
// is the size of the instruction set's widest register: 16 bytes, 32 with AVX, 64 with AVX-512, which also has twice as many of them.
inline constexpr std::int64_t kRegisterLanes = __BIGGEST_ALIGNMENT__ / sizeof(float),
                              kRegisters = kRegisterLanes == 16 ? 32 : 16;
using RegisterLanes = float __attribute__((vector_size(4 * kRegisterLanes)));

[[gnu::always_inline]] inline RegisterLanes load_register(const float* p) {
  RegisterLanes v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

[[gnu::always_inline]] inline void store_register(float* p, const RegisterLanes& v) { std::memcpy(p, &v, sizeof v); }

// Scalars take part in the same expressions at the ends of rows that are no multiple of 16.
[[gnu::always_inline]] inline float where_positive(float gate, float v) { return gate > 0.0f ? v : 0.0f; }
[[gnu::always_inline]] inline float relu(float v) { return v <= 0.0f ? 0.0f : v; }

}  // namespace kelvin
