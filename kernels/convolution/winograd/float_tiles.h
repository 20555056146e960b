// CPU: F(4x4, 3x3) in float32: a word of the products is one float. Images are float or bfloat16.
#pragma once

#include "kernels/convolution/winograd/convolve.h"
#include "kernels/convolution/winograd/filter_gradient.h"

namespace kelvin::winograd {

struct FloatProduct {
  using Word = float;
  using Words = RegisterLanes;
  using Sums = RegisterLanes;
  static constexpr std::int64_t kWidth = kRegisterLanes;
  // Registers: sums, a row of the panel and a word.
  static constexpr int kVectors = kRegisters == 32 ? 4 : 2, kAccumulators = kRegisters == 32 ? 24 : 12;

  [[gnu::always_inline]] static Sums load_sums(const float* p) { return load_register(p); }
  [[gnu::always_inline]] static Words load_words(const float* p) { return load_register(p); }
  [[gnu::always_inline]] static Sums add_product(const Sums& sum, float a, const Words& b) { return sum + a * b; }
};

// `Images` has the element type of images, and how one register of them is read and written.
template <class Images>
struct FloatTiles : Images {
  using Algorithm = F4x4;
  using Product = FloatProduct;
  using Place = float;
  using Vector = RegisterLanes;
  static constexpr std::int64_t kWordElements = 1, kStep = kRegisterLanes;
  static constexpr std::int64_t kBlockTiles = 72;

  [[gnu::always_inline]] static Vector load_floats(const float* p) { return load_register(p); }
  [[gnu::always_inline]] static void store_place(float* p, const Vector& v) { store_register(p, v); }
  [[gnu::always_inline]] static Vector relu(const Vector& v) { return v <= Vector{} ? Vector{} : v; }

  template <class Parts>
  static detail::Words words_in_order(const Parts& parts, int place) {
    return reinterpret_cast<detail::Words>(parts[0][place]);
  }
  template <class Parts>
  static detail::Words zipped_words(const Parts& parts, int place) {
    return words_in_order(parts, place);
  }
  template <class Transform>
  [[gnu::always_inline]] static void join(const Transform& transform, float* to, std::int64_t place_stride) {
    transform(0, [&](int, const std::array<Vector, Algorithm::kInputs>& row) {
#pragma GCC unroll 6
      for (int j = 0; j < Algorithm::kInputs; ++j, to += place_stride) store_register(to, row[j]);
    });
  }
};

}  // namespace kelvin::winograd
