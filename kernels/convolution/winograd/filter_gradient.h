// CPU, filter gradient: the transformed gradient is a sum over all tiles of products of transformed cotangent and input, one matrix product
// [K, tiles] · [tiles, C] for each place.
//
// Blocks of tiles are transformed, as many neighbouring tiles to a word as it has elements, and multiplied while they are in the cache; the sums
// live in one float32 array [places, K, C] for the whole call. Threads split first a block's tiles, then its products by place and output
// channel, so that every sum runs over the tiles in order: same bits for any number of threads.
#pragma once

#include <algorithm>

#include "kernels/convolution/winograd/products.h"
#include "kernels/convolution/winograd/squares.h"
#include "kernels/convolution/winograd/tiles.h"
#include "kernels/device/parallel.h"
#include "kernels/device/pool_block.h"
#include "kernels/device/profile.h"

namespace kelvin::winograd {

// Words of tiles in a block: as many as make its transformed tiles as large as the sums, which each block reads and writes.
inline std::int64_t block_words(std::int64_t c, std::int64_t k) {
  return (c * k / (c + k) + kWordsAtOnce - 1) / kWordsAtOnce * kWordsAtOnce;
}

// Transformed tiles: for each place [channels / 64, words of tiles, 64]; the last panel is as wide as what is left. Places are written side by
// side: a cache line between them keeps their rows in different sets of the cache.
template <class T>
struct TilePanels {
  using Word = typename T::Product::Word;
  static constexpr int kPlaces = T::Algorithm::kPlaces;
  static constexpr std::int64_t kGap = 64 / sizeof(Word);

  Word* data;
  std::int64_t channels, words;

  [[nodiscard]] static std::size_t bytes(std::int64_t channels, std::int64_t words) {
    return static_cast<std::size_t>(kPlaces * (channels * words + kGap)) * sizeof(Word);
  }
  [[nodiscard]] std::int64_t width(std::int64_t c0) const { return std::min(kPanel, channels - c0); }
  [[nodiscard]] std::int64_t place_stride() const { return channels * words + kGap; }
  [[nodiscard]] Word* panel(std::int64_t place, std::int64_t c0) const {
    return data + place * place_stride() + c0 * words;
  }
};

// Words [begin, end) of the block that starts at `tile`: inputs, which begin a pixel before each tile, or cotangents, which are its outputs.
template <class T, int n>
void transform_words(const TilePanels<T>& out, const TileGrid<T::Algorithm::kOutputs>& grid,
                     const typename T::Element* images, const typename T::Element* zeros, std::int64_t tile,
                     std::int64_t begin, std::int64_t end) {
  using A = typename T::Algorithm;
  constexpr int parts = T::kWordElements;
  constexpr bool is_input = n == A::kInputs;
  for (std::int64_t word = begin; word < end; ++word) {
    std::array<TileWindow<n, const typename T::Element>, parts> windows;
    for (int part = 0; part < parts; ++part)
      windows[part] = grid.template window<n, const typename T::Element>(
          images, out.channels, tile + parts * word + part, is_input ? 1 : 0, zeros);
    for (std::int64_t c = 0; c < out.channels; c += T::kStep) {
      const std::int64_t c0 = c / kPanel * kPanel;
      typename TilePanels<T>::Word* const to = out.panel(0, c0) + word * out.width(c0) + c - c0;
      T::join(
          [&](int part, const auto& store_row) __attribute__((always_inline)) {
            const auto load = [&](int j) {
              return windows[part].template load_column<typename T::Vector>(T::load, j, c);
            };
            if constexpr (is_input)
              transform_input<A>(load, store_row);
            else
              transform_cotangent<A>(load, store_row);
          },
          to, out.place_stride());
    }
  }
}

// sums [places, K, C] = (accumulate ? sums : 0) + cotangents · inputs, for places and 64 output channels at a time
template <class T>
void multiply_tiles(float* sums, const TilePanels<T>& inputs, const TilePanels<T>& cotangents, bool accumulate) {
  const std::int64_t c = inputs.channels, k = cotangents.channels, panels = (k + kPanel - 1) / kPanel;
  const auto work = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t place = job / panels, k0 = job % panels * kPanel, rows = cotangents.width(k0);
      for (std::int64_t c0 = 0; c0 < c; c0 += kPanel)
        multiply<typename T::Product>(rows, inputs.width(c0), sums + (place * k + k0) * c + c0, c,
                                      {cotangents.panel(place, k0), 1, rows}, inputs.panel(place, c0), inputs.words,
                                      accumulate);
    }
  };
  parallel_for(T::Algorithm::kPlaces * panels, work, kParallelGrain);
}

template <class A>
void transform_sums(View<float> dw, const float* sums) {
  const std::int64_t k = dw.dim(0), c = dw.dim(3);
  const auto work = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      for (std::int64_t col = 0; col < c; col += kLanes)
        transform_filter_gradient<A>(
            [&](int j) {
              return load_places<Lanes, A::kInputs>([](const float* p) { return load_lanes(p); }, sums + row * c + col,
                                                    k * c, j);
            },
            [&](int i, const std::array<Lanes, kTaps>& g) {
              for (int j = 0; j < kTaps; ++j) store_lanes(dw.data + (row * 9 + kTaps * i + j) * c + col, g[j]);
            });
  };
  parallel_for(k, work, kParallelGrain);
}

template <class T>
void filter_gradient(View<float> dw, View<const typename T::Element> x, View<const typename T::Element> dy) {
  using A = typename T::Algorithm;
  using Word = typename T::Product::Word;
  const ProfileRange range("conv2d");
  const TileGrid<A::kOutputs> grid(x.shape);
  const std::int64_t c = x.cols(), k = dy.cols(), all = (grid.tiles() + T::kWordElements - 1) / T::kWordElements;
  const std::int64_t block = std::min(block_words(c, k), all);
  const PoolBlock input_block(TilePanels<T>::bytes(c, block)), cotangent_block(TilePanels<T>::bytes(k, block)),
      sum_block(static_cast<std::size_t>(A::kPlaces * c * k * 4)),
      zero_block(static_cast<std::size_t>(A::kInputs * std::max(c, k)) * sizeof(typename T::Element));
  auto* const zeros = static_cast<typename T::Element*>(zero_block.data());
  auto* const sums = static_cast<float*>(sum_block.data());
  std::fill_n(zeros, A::kInputs * std::max(c, k), typename T::Element());
  for (std::int64_t done = 0; done < all; done += block) {
    const std::int64_t words = std::min(block, all - done), tile = T::kWordElements * done;
    const TilePanels<T> inputs{static_cast<Word*>(input_block.data()), c, words};
    const TilePanels<T> cotangents{static_cast<Word*>(cotangent_block.data()), k, words};
    const auto transform = [&](std::int64_t begin, std::int64_t end) {
      transform_words<T, A::kInputs>(inputs, grid, x.data, zeros, tile, begin, end);
      transform_words<T, A::kOutputs>(cotangents, grid, dy.data, zeros, tile, begin, end);
    };
    parallel_for(words, transform, kParallelGrain);
    multiply_tiles<T>(sums, inputs, cotangents, done > 0);
  }
  transform_sums<A>(dw, sums);
}

}  // namespace kelvin::winograd
