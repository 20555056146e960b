// Forward and data gradient: the same convolution, of x with the filter or of dy with the filter turned by 180 degrees and its
// channels exchanged.
//
// A thread takes a block of tiles that stays in its cache: 16 matrices [tiles, C] of transformed input, times 16 filter panels
// [C, 64], give 16 matrices [tiles, 64] that are transformed back into pixels at once. Reads the images 4 times (from the cache, except
// once) and the filters once a block.
#include <omp.h>

#include <algorithm>

#include "kernels/convolution/winograd/filters.h"
#include "kernels/convolution/winograd/products.h"
#include "kernels/convolution/winograd/tiles.h"
#include "kernels/convolution/winograd/winograd.h"
#include "kernels/device/parallel.h"
#include "kernels/device/pool_block.h"
#include "kernels/device/profile.h"

namespace kelvin::winograd {
namespace {

constexpr std::int64_t kTiles = 96;  // in a block, a multiple of six

// What one thread works in. The 16 matrices are written and read side by side: a cache line between them keeps their rows in
// different sets of the cache.
struct Scratch {
  static constexpr std::int64_t kGap = 64;  // bytes

  bfloat16* zeros;   // [C]
  bfloat16* inputs;  // 16 times [tiles, C]
  float* products;   // 16 times [tiles, 64]
  std::int64_t tiles, channels;

  Scratch(void* memory, std::int64_t max_tiles, std::int64_t c) : tiles(max_tiles), channels(c) {
    zeros = static_cast<bfloat16*>(memory);
    inputs = zeros + c;
    products = reinterpret_cast<float*>(inputs + kPlaces * input_stride());
    std::fill_n(zeros, c, bfloat16());
  }
  [[nodiscard]] static std::int64_t bytes(std::int64_t tiles, std::int64_t c) {
    return 2 * c + kPlaces * (tiles * (2 * c + 4 * kPanel) + 2 * kGap);
  }
  [[nodiscard]] std::int64_t input_stride() const { return tiles * channels + kGap / 2; }
  [[nodiscard]] std::int64_t product_stride() const { return tiles * kPanel + kGap / 4; }
  [[nodiscard]] bfloat16* input(std::int64_t place) const { return inputs + place * input_stride(); }
  [[nodiscard]] float* product(std::int64_t place) const { return products + place * product_stride(); }
};

void transform_inputs(const TileGrid& grid, const Scratch& s, View<const bfloat16> x, std::int64_t begin,
                      std::int64_t tiles) {
  const std::int64_t channels = x.cols();
  for (std::int64_t t = 0; t < tiles; ++t) {
    const auto rows = pixel_rows<4>(grid, begin + t, -1, x.data, channels, s.zeros);
    for (std::int64_t c = 0; c < channels; c += kLanes) {
      const LaneArray<16> v = transform_input(load_pixels(rows, c));
      for (int i = 0; i < kPlaces; ++i) store_bits(s.input(i) + t * channels + c, round_lanes(v[i]));
    }
  }
}

// The columns [k0, k0 + width) of y: bias, residual and ReLU, then the one rounding.
void transform_outputs(const TileGrid& grid, const Scratch& s, View<bfloat16> y, const ConvEpilogue<bfloat16>& epilogue,
                       std::int64_t begin, std::int64_t tiles, std::int64_t k0, std::int64_t width) {
  const std::int64_t channels = y.cols();
  for (std::int64_t t = 0; t < tiles; ++t) {
    const auto pixels = pixels_of<2>(grid, begin + t, 0);
    for (std::int64_t k = 0; k < width; k += kLanes) {
      LaneArray<16> m;
      for (int i = 0; i < kPlaces; ++i) m[i] = load_lanes(s.product(i) + t * width + k);
      const LaneArray<4> out = transform_output(m);
      const Lanes bias = epilogue.bias.empty() ? Lanes{} : load_lanes(epilogue.bias.data + k0 + k);
      for (int p = 0; p < 4; ++p) {
        if (pixels[p] < 0) continue;
        const std::int64_t at = pixels[p] * channels + k0 + k;
        Lanes v = out[p] + bias;
        if (!epilogue.residual.empty()) v += load_lanes(epilogue.residual.data + at);
        if (epilogue.relu) v = relu(v);
        store_bits(y.data + at, round_lanes(v));
      }
    }
  }
}

// y [N, H, W, K] from x [N, H, W, C] and transformed filters
void convolve(View<bfloat16> y, View<const bfloat16> x, const Pair* filters, const ConvEpilogue<bfloat16>& epilogue) {
  const TileGrid grid(x.shape);
  const std::int64_t c = x.cols(), k = y.cols(), threads = usable_threads();
  const std::int64_t share = (grid.tiles() + threads - 1) / threads;
  const std::int64_t block = std::min(kTiles, share), blocks = (grid.tiles() + block - 1) / block;
  const std::int64_t bytes = Scratch::bytes(block, c);
  const PoolBlock memory(static_cast<std::size_t>(bytes * threads));
  const auto work = [&](std::int64_t first, std::int64_t last) {
    const Scratch s(static_cast<char*>(memory.data()) + omp_get_thread_num() * bytes, block, c);
    for (std::int64_t b = first; b < last; ++b) {
      const std::int64_t begin = b * block, tiles = std::min(block, grid.tiles() - begin);
      transform_inputs(grid, s, x, begin, tiles);
      for (std::int64_t k0 = 0; k0 < k; k0 += kPanel) {
        const std::int64_t width = std::min(kPanel, k - k0);
        for (std::int64_t i = 0; i < kPlaces; ++i)
          multiply(tiles, width, s.product(i), width, {reinterpret_cast<const Pair*>(s.input(i)), c / 2, 1},
                   filters + (k0 * kPlaces + i * width) * c / 2, c / 2, false);
        transform_outputs(grid, s, y, epilogue, begin, tiles, k0, width);
      }
    }
  };
  parallel_for(blocks, work, kParallelGrain);
}

}  // namespace

bool can_run(const Shape& x, const Shape& w, const ConvOptions& o) {
  return has_bfloat16(Cpu{}) && x.size() > 0 && w[1] == 3 && w[2] == 3 && o.stride == 1 && o.pad == 1 &&
         w[0] % 32 == 0 && w[3] % 32 == 0;
}

void forward(View<bfloat16> y, View<const bfloat16> x, View<const float> w, const ConvEpilogue<bfloat16>& epilogue) {
  const ProfileRange range("conv2d");
  const PoolBlock filters(filter_bytes(w.shape));
  transform_filters(static_cast<Pair*>(filters.data()), w);
  convolve(y, x, static_cast<const Pair*>(filters.data()), epilogue);
}

void backward_data(View<bfloat16> dx, View<const bfloat16> dy, View<const float> w) {
  const ProfileRange range("conv2d");
  const PoolBlock filters(filter_bytes(w.shape));
  transform_turned_filters(static_cast<Pair*>(filters.data()), w);
  convolve(dx, dy, static_cast<const Pair*>(filters.data()), {});
}

}  // namespace kelvin::winograd
