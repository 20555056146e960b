// CPU, forward and data gradient: the same convolution, of x with the filter or of dy with the filter turned by 180 degrees and its channels
// exchanged.
//
// A thread takes a block of tiles that stays in its cache: one matrix [tiles, C] of transformed input for each place, times the filter panels
// [C, 64], give as many matrices [tiles, 64] that are transformed back into pixels at once. Reads the images more than once where the
// inputs of tiles overlap (from the cache, except once) and the filters once a block.
#pragma once

#include <omp.h>

#include <algorithm>

#include "kernels/convolution/conv2d.h"
#include "kernels/convolution/winograd/filters.h"
#include "kernels/convolution/winograd/products.h"
#include "kernels/convolution/winograd/squares.h"
#include "kernels/convolution/winograd/tiles.h"
#include "kernels/device/parallel.h"
#include "kernels/device/pool_block.h"
#include "kernels/device/profile.h"

namespace kelvin::winograd {

// What one thread works in. The matrices of the places are written and read side by side: a cache line between them keeps their rows in
// different sets of the cache.
template <class T>
struct Scratch {
  using Element = typename T::Element;
  using Place = typename T::Place;
  static constexpr int kPlaces = T::Algorithm::kPlaces;
  static constexpr std::int64_t kGap = 64;  // bytes

  Element* zeros;   // a row of a tile's inputs
  Place* inputs;    // for each place [tiles, C]
  float* products;  // for each place [tiles, 64]
  std::int64_t tiles, channels;

  Scratch(void* memory, std::int64_t max_tiles, std::int64_t c) : tiles(max_tiles), channels(c) {
    zeros = static_cast<Element*>(memory);
    inputs = reinterpret_cast<Place*>(zeros + T::Algorithm::kInputs * c);
    products = reinterpret_cast<float*>(inputs + kPlaces * input_stride());
    std::fill_n(zeros, T::Algorithm::kInputs * c, Element());
  }
  [[nodiscard]] static std::int64_t bytes(std::int64_t tiles, std::int64_t c) {
    constexpr std::int64_t element = sizeof(Element), place = sizeof(Place);
    return element * T::Algorithm::kInputs * c + kPlaces * (tiles * (place * c + 4 * kPanel) + 2 * kGap);
  }
  [[nodiscard]] std::int64_t input_stride() const {
    return tiles * channels + kGap / static_cast<std::int64_t>(sizeof(Place));
  }
  [[nodiscard]] std::int64_t product_stride() const { return tiles * kPanel + kGap / 4; }
  [[nodiscard]] Place* input(std::int64_t place) const { return inputs + place * input_stride(); }
  [[nodiscard]] float* product(std::int64_t place) const { return products + place * product_stride(); }
};

template <class T>
void transform_inputs(const TileGrid<T::Algorithm::kOutputs>& grid, const Scratch<T>& s,
                      View<const typename T::Element> x, std::int64_t begin, std::int64_t tiles) {
  constexpr int side = T::Algorithm::kInputs;
  const std::int64_t channels = x.cols(), stride = s.input_stride();
  for (std::int64_t t = 0; t < tiles; ++t) {
    const auto window = grid.template window<side, const typename T::Element>(x.data, channels, begin + t, 1, s.zeros);
    for (std::int64_t c = 0; c < channels; c += T::kStep) {
      typename T::Place* to = s.inputs + t * channels + c;
      transform_input<typename T::Algorithm>(
          [&](int j) { return window.template load_column<typename T::Vector>(T::load, j, c); },
          [&](int, const std::array<typename T::Vector, side>& row) {
#pragma GCC unroll 6
            for (int j = 0; j < side; ++j, to += stride) T::store_place(to, row[j]);
          });
    }
  }
}

// The columns [k0, k0 + width) of y: bias, residual and ReLU, then the one rounding.
template <class T>
void transform_outputs(const TileGrid<T::Algorithm::kOutputs>& grid, const Scratch<T>& s, View<typename T::Element> y,
                       const ConvEpilogue<typename T::Element>& epilogue, std::int64_t begin, std::int64_t tiles,
                       std::int64_t k0, std::int64_t width) {
  constexpr int side = T::Algorithm::kOutputs;
  const std::int64_t channels = y.cols(), stride = s.product_stride();
  for (std::int64_t t = 0; t < tiles; ++t) {
    const auto window = grid.template window<side, typename T::Element>(y.data, channels, begin + t, 0, nullptr);
    for (std::int64_t k = 0; k < width; k += T::kStep) {
      const float* const from = s.products + t * width + k;
      const auto bias = epilogue.bias.empty() ? typename T::Vector{} : T::load_floats(epilogue.bias.data + k0 + k);
      transform_output<typename T::Algorithm>(
          [&](int j) {
            return load_places<typename T::Vector, T::Algorithm::kInputs>(T::load_floats, from, stride, j);
          },
          [&](int i, const std::array<typename T::Vector, side>& row) {
            if (window.rows[i] == nullptr) return;
#pragma GCC unroll 4
            for (int j = 0; j < side; ++j) {
              if (j >= window.last) return;
              typename T::Element* const to = window.rows[i] + j * channels + k0 + k;
              typename T::Vector v = row[j] + bias;
              if (!epilogue.residual.empty()) v += T::load(epilogue.residual.data + (to - y.data));
              if (epilogue.relu) v = T::relu(v);
              T::store(to, v);
            }
          });
    }
  }
}

// y [N, H, W, K] from x [N, H, W, C] and transformed filters
template <class T>
void convolve(View<typename T::Element> y, View<const typename T::Element> x, const typename T::Product::Word* filters,
              const ConvEpilogue<typename T::Element>& epilogue) {
  using Word = typename T::Product::Word;
  constexpr int kPlaces = T::Algorithm::kPlaces;
  const TileGrid<T::Algorithm::kOutputs> grid(x.shape);
  const std::int64_t c = x.cols(), k = y.cols(), words = c / T::kWordElements, threads = usable_threads();
  const std::int64_t share = (grid.tiles() + threads - 1) / threads;
  const std::int64_t block = std::min<std::int64_t>(T::kBlockTiles, share);
  const std::int64_t blocks = (grid.tiles() + block - 1) / block, bytes = Scratch<T>::bytes(block, c);
  const PoolBlock memory(static_cast<std::size_t>(bytes * threads));
  const auto work = [&](std::int64_t first, std::int64_t last) {
    const Scratch<T> s(static_cast<char*>(memory.data()) + omp_get_thread_num() * bytes, block, c);
    for (std::int64_t b = first; b < last; ++b) {
      const std::int64_t begin = b * block, tiles = std::min(block, grid.tiles() - begin);
      transform_inputs<T>(grid, s, x, begin, tiles);
      for (std::int64_t k0 = 0; k0 < k; k0 += kPanel) {
        const std::int64_t width = std::min(kPanel, k - k0);
        for (std::int64_t i = 0; i < kPlaces; ++i)
          multiply<typename T::Product>(tiles, width, s.product(i), width,
                                        {reinterpret_cast<const Word*>(s.input(i)), words, 1},
                                        filters + (k0 * kPlaces + i * width) * words, words, false);
        transform_outputs<T>(grid, s, y, epilogue, begin, tiles, k0, width);
      }
    }
  };
  parallel_for(blocks, work, kParallelGrain);
}

template <class T>
void convolve_forward(View<typename T::Element> y, View<const typename T::Element> x, View<const float> w,
                      const ConvEpilogue<typename T::Element>& epilogue) {
  const ProfileRange range("conv2d");
  const PoolBlock filters(filter_bytes<T>(w.shape));
  auto* const words = static_cast<typename T::Product::Word*>(filters.data());
  transform_filters<T>(words, w);
  convolve<T>(y, x, words, epilogue);
}

template <class T>
void convolve_backward(View<typename T::Element> dx, View<const typename T::Element> dy, View<const float> w,
                       bool adds) {
  const ProfileRange range("conv2d");
  const PoolBlock filters(filter_bytes<T>(w.shape));
  auto* const words = static_cast<typename T::Product::Word*>(filters.data());
  transform_turned_filters<T>(words, w);
  ConvEpilogue<typename T::Element> epilogue;
  if (adds) epilogue.residual = {dx.data, dx.shape};
  convolve<T>(dx, dy, words, epilogue);
}

}  // namespace kelvin::winograd
