// Needs AVX512_BF16, one of whose instructions multiplies sixteen pairs of bfloat16 with sixteen pairs and adds both products of each to a
// float. Wide layers take it, with F(2x2, 3x3): a word of the products is such a pair. Narrow ones are faster with F(4x4, 3x3) in float32.
#include <immintrin.h>

#include "kernels/convolution/winograd/float_tiles.h"
#include "kernels/convolution/winograd/winograd.h"

namespace kelvin::winograd {
namespace {

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

struct PairProduct {
  using Word = std::uint32_t;
  using Words = __m512bh;
  using Sums = __m512;
  static constexpr std::int64_t kWidth = kLanes;
  static constexpr int kVectors = 4, kAccumulators = 24;  // with a row of the panel in 32 registers

  [[gnu::always_inline]] static Sums load_sums(const float* p) { return _mm512_loadu_ps(p); }
  [[gnu::always_inline]] static Words load_words(const Word* p) {
    return reinterpret_cast<__m512bh>(_mm512_loadu_si512(p));
  }
  [[gnu::always_inline]] static Sums add_product(const Sums& sum, Word a, const Words& b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(a))), b);
  }
};

struct BFloat16Images {
  using Element = bfloat16;
  [[gnu::always_inline]] static Lanes load(const bfloat16* p) {
    Halves half;
    std::memcpy(&half, p, sizeof half);
    return reinterpret_cast<Lanes>(widen(half) << 16);
  }
  [[gnu::always_inline]] static void store(bfloat16* p, const Lanes& v) {
    const Halves half = round_lanes(v);
    std::memcpy(static_cast<void*>(p), &half, sizeof half);
  }
};

struct PairTiles : BFloat16Images {
  using Algorithm = F2x2;
  using Product = PairProduct;
  using Place = bfloat16;
  using Vector = Lanes;
  static constexpr std::int64_t kWordElements = 2, kStep = kLanes;
  static constexpr std::int64_t kBlockTiles = 96;

  [[gnu::always_inline]] static Vector load_floats(const float* p) { return load_lanes(p); }
  [[gnu::always_inline]] static void store_place(bfloat16* p, const Vector& v) { store(p, v); }
  [[gnu::always_inline]] static Vector relu(const Vector& v) { return kelvin::relu(v); }

  // The parts are 32 neighbouring input channels.
  template <class Parts>
  static Pairs words_in_order(const Parts& parts, int place) {
    return reinterpret_cast<Pairs>(_mm512_cvtne2ps_pbh(parts[1][place], parts[0][place]));
  }
  // The parts are two neighbouring input channels of sixteen outputs.
  template <class Parts>
  static Pairs zipped_words(const Parts& parts, int place) {
    return zip(round_lanes(parts[0][place]), round_lanes(parts[1][place]));
  }
  template <class Transform>
  [[gnu::always_inline]] static void join(const Transform& transform, std::uint32_t* to, std::int64_t place_stride) {
    using Row = std::array<Vector, Algorithm::kInputs>;
    std::array<Halves, Algorithm::kPlaces> first;
    transform(0, [&](int i, const Row& row) {
      for (int j = 0; j < Algorithm::kInputs; ++j) first[Algorithm::kInputs * i + j] = round_lanes(row[j]);
    });
    transform(1, [&](int i, const Row& row) {
      for (int j = 0; j < Algorithm::kInputs; ++j, to += place_stride) {
        const Pairs pairs = zip(first[Algorithm::kInputs * i + j], round_lanes(row[j]));
        std::memcpy(to, &pairs, sizeof pairs);
      }
    });
  }
};

// f.template operator()<tiles>() with the tiles that these filters take.
template <class F>
void with_tiles(const Shape& w, const F& f) {
  if (tile_side<bfloat16>(w) == 2)
    f.template operator()<PairTiles>();
  else
    f.template operator()<FloatTiles<BFloat16Images>>();
}

}  // namespace

template <>
bool can_run<bfloat16>(const Shape& x, const Shape& w, const ConvOptions& o) {
  return has_bfloat16(Cpu{}) && can_run<float>(x, w, o);
}

void forward(View<bfloat16> y, View<const bfloat16> x, View<const float> w, const ConvEpilogue<bfloat16>& epilogue) {
  with_tiles(w.shape, [&]<class T>() { convolve_forward<T>(y, x, w, epilogue); });
}

void backward_data(View<bfloat16> dx, View<const bfloat16> dy, View<const float> w, bool adds) {
  with_tiles(w.shape, [&]<class T>() { convolve_backward<T>(dx, dy, w, adds); });
}

void backward_filter(View<float> dw, View<const bfloat16> x, View<const bfloat16> dy) {
  with_tiles(dw.shape, [&]<class T>() { filter_gradient<T>(dw, x, dy); });
}

}  // namespace kelvin::winograd
