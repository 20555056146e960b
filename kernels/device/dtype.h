// Element types of tensors. Storage bfloat16 always means float32 arithmetic.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernels/device/error.h"

namespace kelvin {

enum class DType : std::uint8_t { f32, bf16, i32, u8 };

// The upper half of a float32: 8 exponent bits, 7 mantissa bits. Conversion to it rounds to nearest even; NaN stays NaN.
struct bfloat16 {
  std::uint16_t bits = 0;

  bfloat16() = default;
  bfloat16(float value) {  // NOLINT(google-explicit-constructor): storage types convert like built-in ones
    const auto word = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t rounded = (word + 0x7fffu + ((word >> 16) & 1u)) >> 16;
    const std::uint32_t quiet_nan = (word >> 16) | 0x40u;
    bits = static_cast<std::uint16_t>((word & 0x7fffffffu) > 0x7f800000u ? quiet_nan : rounded);
  }
  constexpr operator float() const {  // NOLINT(google-explicit-constructor)
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<bfloat16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <class T>
inline constexpr DType dtype_of = DTypeOf<std::remove_const_t<T>>::value;

[[nodiscard]] constexpr std::size_t bytes_of(DType t) {
  return t == DType::f32 || t == DType::i32 ? 4 : t == DType::bf16 ? 2 : 1;
}

[[nodiscard]] constexpr const char* name_of(DType t) {
  switch (t) {
    case DType::f32: return "float32";
    case DType::bf16: return "bfloat16";
    case DType::i32: return "int32";
    case DType::u8: return "uint8";
  }
  return "?";
}

// A type as a value, so that a generic lambda can receive it: `[&]<class T>(Type<T>) { ... }`.
template <class T>
struct Type {
  using type = T;
};

// Runs f with Type<float> or Type<bfloat16>: the one place where a run-time element type becomes a compile-time one.
template <class F>
decltype(auto) dispatch_float(DType t, F&& f) {
  if (t == DType::f32) return std::forward<F>(f)(Type<float>{});
  KELVIN_CHECK(t == DType::bf16, "expected float32 or bfloat16, got ", name_of(t));
  return std::forward<F>(f)(Type<bfloat16>{});
}

}  // namespace kelvin
