// CPU: filters transformed for the products: [K / 64, places, C / n, 64] words of n neighbouring input channels, rounded to the element type
// once. The last panel is as wide as what is left.
#pragma once

#include <algorithm>

#include "kernels/convolution/winograd/products.h"
#include "kernels/convolution/winograd/squares.h"
#include "kernels/device/parallel.h"
#include "kernels/device/view.h"

namespace kelvin::winograd {

// Where the transformed filter of an output channel (a multiple of 16) and a word of input channels begins, and how far apart two places
// and two words lie.
template <class T>
struct PanelPlace {
  using Word = typename T::Product::Word;
  Word* first;
  std::int64_t place_stride, width;

  PanelPlace(Word* out, std::int64_t outputs, std::int64_t inputs, std::int64_t output) {
    const std::int64_t panel = output / kPanel * kPanel, words = inputs / T::kWordElements;
    width = std::min(kPanel, outputs - panel);
    place_stride = words * width;
    first = out + panel * T::Algorithm::kPlaces * words + output % kPanel;
  }
  [[nodiscard]] Word* at(std::int64_t place, std::int64_t word) const {
    return first + place * place_stride + word * width;
  }
};

template <class T>
[[nodiscard]] std::size_t filter_bytes(const Shape& w) {
  return static_cast<std::size_t>(T::Algorithm::kPlaces * w[0] * w[3]) * sizeof(typename T::Place);
}

// rows[i][j] becomes rows[j][i]: four perfect shuffles of rows i and i + 8.
inline void transpose(std::array<detail::Words, 16>& rows) {
  for (int round = 0; round < 4; ++round) {
    std::array<detail::Words, 16> next;
    for (int i = 0; i < 8; ++i) {
      const detail::Words &a = rows[i], &b = rows[i + 8];
      next[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    rows = next;
  }
}

// The transformed filters of sixteen channels, [place]; g [9, channels].
template <class T>
std::array<Lanes, T::Algorithm::kPlaces> transformed_filter(const float* g, std::int64_t channels, bool turned) {
  constexpr int side = T::Algorithm::kInputs;
  std::array<Lanes, T::Algorithm::kPlaces> out;
  transform_filter<typename T::Algorithm>(
      [&](int j) {
        std::array<Lanes, kTaps> column;
        for (int i = 0; i < kTaps; ++i) {
          const int tap = kTaps * i + j;
          column[i] = load_lanes(g + (turned ? kTaps * kTaps - 1 - tap : tap) * channels);
        }
        return column;
      },
      [&](int i, const std::array<Lanes, side>& row) { std::copy_n(row.begin(), side, out.begin() + i * side); });
  return out;
}

// of w [K, 3, 3, C]: K outputs, C inputs
template <class T>
void transform_filters(typename T::Product::Word* out, View<const float> w) {
  constexpr int kPlaces = T::Algorithm::kPlaces, n = T::kWordElements;
  const std::int64_t outputs = w.dim(0), inputs = w.dim(3), steps = inputs / (n * kLanes);
  const auto work = [&](std::int64_t begin, std::int64_t end) {
    std::array<std::array<detail::Words, 16>, kPlaces> words;  // [place][output][word of inputs]
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t k = job / steps * kLanes, c = job % steps * n * kLanes;
      for (int i = 0; i < 16; ++i) {
        std::array<std::array<Lanes, kPlaces>, n> parts;
        for (int part = 0; part < n; ++part)
          parts[part] = transformed_filter<T>(w.data + (k + i) * 9 * inputs + c + part * kLanes, inputs, false);
        for (int place = 0; place < kPlaces; ++place) words[place][i] = T::words_in_order(parts, place);
      }
      const PanelPlace<T> panel(out, outputs, inputs, k);
      for (int place = 0; place < kPlaces; ++place) {
        transpose(words[place]);
        for (int word = 0; word < 16; ++word)
          std::memcpy(panel.at(place, c / n + word), &words[place][word], sizeof words[place][word]);
      }
    }
  };
  parallel_for(outputs / kLanes * steps, work, kParallelGrain);
}

// of the data gradient's filter: w turned by 180 degrees, C outputs, K inputs
template <class T>
void transform_turned_filters(typename T::Product::Word* out, View<const float> w) {
  constexpr int kPlaces = T::Algorithm::kPlaces, n = T::kWordElements;
  const std::int64_t outputs = w.dim(3), inputs = w.dim(0);
  const auto work = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t word = begin; word < end; ++word)
      for (std::int64_t c = 0; c < outputs; c += kLanes) {
        std::array<std::array<Lanes, kPlaces>, n> parts;
        for (int part = 0; part < n; ++part)
          parts[part] = transformed_filter<T>(w.data + (n * word + part) * 9 * outputs + c, outputs, true);
        const PanelPlace<T> panel(out, outputs, inputs, c);
        for (int place = 0; place < kPlaces; ++place) {
          const detail::Words v = T::zipped_words(parts, place);
          std::memcpy(panel.at(place, word), &v, sizeof v);
        }
      }
  };
  parallel_for(inputs / n, work, kParallelGrain);
}

}  // namespace kelvin::winograd
