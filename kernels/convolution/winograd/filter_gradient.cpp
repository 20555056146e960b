// Filter gradient: the transformed gradient is a sum over all tiles of products of transformed cotangent and input, 16 matrix
// products [K, tiles] · [tiles, C].
//
// Blocks of tiles are transformed, two neighbouring tiles to a pair, and multiplied while they are in the cache; the sums live in
// one float32 array [16, K, C] for the whole call. Threads split first a block's tiles, then its products by place and output
// channel, so that every sum runs over the tiles in order: same bits for any number of threads.
#include <algorithm>

#include "kernels/convolution/winograd/products.h"
#include "kernels/convolution/winograd/tiles.h"
#include "kernels/convolution/winograd/winograd.h"
#include "kernels/device/parallel.h"
#include "kernels/device/pool_block.h"
#include "kernels/device/profile.h"

namespace kelvin::winograd {
namespace {

constexpr std::int64_t kTilePairs = 128;  // multiplied at once: a panel of 128 x 64 pairs fits in the first-level cache

// Pairs of tiles in a block: as many as make its transformed tiles as large as the sums, which each block reads and writes.
std::int64_t block_pairs(std::int64_t c, std::int64_t k) {
  return (c * k / (c + k) + kTilePairs - 1) / kTilePairs * kTilePairs;
}

// Transformed tiles: for each of the 16 places [channels / 64, pairs of tiles, 64]; the last panel is 32 wide where there are
// 32 left. Places are written side by side: a cache line between them keeps their rows in different sets of the cache.
struct TilePanels {
  static constexpr std::int64_t kGap = 64 / sizeof(Pair);

  Pair* data;
  std::int64_t channels, pairs;

  [[nodiscard]] static std::size_t bytes(std::int64_t channels, std::int64_t pairs) {
    return static_cast<std::size_t>(kPlaces * (channels * pairs + kGap)) * sizeof(Pair);
  }

  [[nodiscard]] std::int64_t width(std::int64_t c0) const { return std::min(kPanel, channels - c0); }
  [[nodiscard]] Pair* panel(std::int64_t place, std::int64_t c0) const {
    return data + place * (channels * pairs + kGap) + c0 * pairs;
  }
};

// Pairs [begin, end) of the block that starts at `tile`; transform(channels' offset, tile's pixel rows) gives 16 places.
template <int n, class F>
void transform_pairs(const TilePanels& out, const TileGrid& grid, const bfloat16* images, std::int64_t shift,
                     const bfloat16* zeros, std::int64_t tile, std::int64_t begin, std::int64_t end,
                     const F& transform) {
  for (std::int64_t p = begin; p < end; ++p) {
    const auto even = pixel_rows<n>(grid, tile + 2 * p, shift, images, out.channels, zeros);
    const auto odd = pixel_rows<n>(grid, tile + 2 * p + 1, shift, images, out.channels, zeros);
    for (std::int64_t c = 0; c < out.channels; c += kLanes) {
      const std::int64_t c0 = c / kPanel * kPanel, at = p * out.width(c0) + c - c0;
      std::array<Halves, kPlaces> first;
      LaneArray<kPlaces> v = transform(load_pixels(even, c));
      for (int i = 0; i < kPlaces; ++i) first[i] = round_lanes(v[i]);
      v = transform(load_pixels(odd, c));
      for (int i = 0; i < kPlaces; ++i) store_bits(out.panel(i, c0) + at, zip(first[i], round_lanes(v[i])));
    }
  }
}

// sums [16, K, C] = (accumulate ? sums : 0) + cotangents · inputs, for places and 64 output channels at a time
void multiply_tiles(float* sums, const TilePanels& inputs, const TilePanels& cotangents, bool accumulate) {
  const std::int64_t c = inputs.channels, k = cotangents.channels, panels = (k + kPanel - 1) / kPanel;
  const auto work = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t place = job / panels, k0 = job % panels * kPanel, rows = cotangents.width(k0);
      for (std::int64_t c0 = 0; c0 < c; c0 += kPanel)
        for (std::int64_t p = 0; p < inputs.pairs; p += kTilePairs)
          multiply(rows, inputs.width(c0), sums + (place * k + k0) * c + c0, c,
                   {cotangents.panel(place, k0) + p * rows, 1, rows}, inputs.panel(place, c0) + p * inputs.width(c0),
                   std::min(kTilePairs, inputs.pairs - p), accumulate || p > 0);
    }
  };
  parallel_for(kPlaces * panels, work, kParallelGrain);
}

void transform_sums(View<float> dw, const float* sums) {
  const std::int64_t k = dw.dim(0), c = dw.dim(3);
  const auto work = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      for (std::int64_t col = 0; col < c; col += kLanes) {
        LaneArray<kPlaces> m;
        for (int i = 0; i < kPlaces; ++i) m[i] = load_lanes(sums + (i * k + row) * c + col);
        const LaneArray<9> g = transform_filter_gradient(m);
        for (int i = 0; i < 9; ++i) store_lanes(dw.data + (row * 9 + i) * c + col, g[i]);
      }
  };
  parallel_for(k, work, kParallelGrain);
}

}  // namespace

void backward_filter(View<float> dw, View<const bfloat16> x, View<const bfloat16> dy) {
  const ProfileRange range("conv2d");
  const TileGrid grid(x.shape);
  const std::int64_t c = x.cols(), k = dy.cols(), all_pairs = (grid.tiles() + 1) / 2;
  const std::int64_t block = std::min(block_pairs(c, k), all_pairs);
  const PoolBlock input_block(TilePanels::bytes(c, block)), cotangent_block(TilePanels::bytes(k, block)),
      sum_block(static_cast<std::size_t>(kPlaces * c * k * 4)),
      zero_block(static_cast<std::size_t>(std::max(c, k) * 2));
  auto* const zeros = static_cast<bfloat16*>(zero_block.data());
  auto* const sums = static_cast<float*>(sum_block.data());
  std::fill_n(zeros, std::max(c, k), bfloat16());
  for (std::int64_t done = 0; done < all_pairs; done += block) {
    const std::int64_t pairs = std::min(block, all_pairs - done);
    const TilePanels inputs{static_cast<Pair*>(input_block.data()), c, pairs};
    const TilePanels cotangents{static_cast<Pair*>(cotangent_block.data()), k, pairs};
    const auto transform = [&](std::int64_t begin, std::int64_t end) {
      transform_pairs<4>(inputs, grid, x.data, -1, zeros, 2 * done, begin, end,
                         [](const LaneArray<16>& d) { return transform_input(d); });
      transform_pairs<2>(cotangents, grid, dy.data, 0, zeros, 2 * done, begin, end,
                         [](const LaneArray<4>& d) { return transform_cotangent(d); });
    };
    parallel_for(pairs, transform, kParallelGrain);
    multiply_tiles(sums, inputs, cotangents, done > 0);
  }
  transform_sums(dw, sums);
}

}  // namespace kelvin::winograd
