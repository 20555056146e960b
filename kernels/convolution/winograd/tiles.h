// Which pixels a tile reads. The outputs [N, H, W, K] are cut into 2x2 tiles; each depends on 4x4 input pixels that begin one pixel
// up and left. Tiles are numbered image by image, row by row; where a side is odd the last ones reach over the edge.
#pragma once

#include <array>

#include "kernels/convolution/winograd/products.h"
#include "kernels/convolution/winograd/tile_transforms.h"
#include "kernels/device/view.h"

namespace kelvin::winograd {

struct TileGrid {
  std::int64_t images, height, width;

  explicit TileGrid(const Shape& x) : images(x[0]), height(x[1]), width(x[2]) {}
  [[nodiscard]] std::int64_t rows() const { return (height + 1) / 2; }
  [[nodiscard]] std::int64_t cols() const { return (width + 1) / 2; }
  [[nodiscard]] std::int64_t tiles() const { return images * rows() * cols(); }
};

// Offsets in pixels of the n x n pixels of a tile whose first one lies at (2 row + shift, 2 col + shift); -1 outside the image.
template <int n>
std::array<std::int64_t, n * n> pixels_of(const TileGrid& grid, std::int64_t tile, std::int64_t shift) {
  const std::int64_t col = tile % grid.cols(), row = tile / grid.cols() % grid.rows(),
                     image = tile / grid.cols() / grid.rows();
  std::array<std::int64_t, n * n> pixels;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      const std::int64_t h = 2 * row + shift + i, w = 2 * col + shift + j;
      const bool inside = h >= 0 && h < grid.height && w >= 0 && w < grid.width;
      pixels[n * i + j] = inside ? (image * grid.height + h) * grid.width + w : -1;
    }
  return pixels;
}

// Pointers to the channels of these pixels; outside the image, and beyond the last tile, to `zeros`, a row of as many channels.
template <int n>
std::array<const bfloat16*, n * n> pixel_rows(const TileGrid& grid, std::int64_t tile, std::int64_t shift,
                                              const bfloat16* images, std::int64_t channels, const bfloat16* zeros) {
  std::array<const bfloat16*, n * n> rows;
  if (tile >= grid.tiles()) {
    rows.fill(zeros);
    return rows;
  }
  const std::array<std::int64_t, n* n> pixels = pixels_of<n>(grid, tile, shift);
  for (int i = 0; i < n * n; ++i) rows[i] = pixels[i] < 0 ? zeros : images + pixels[i] * channels;
  return rows;
}

template <std::size_t n>
[[gnu::always_inline]] inline LaneArray<n> load_pixels(const std::array<const bfloat16*, n>& rows, std::int64_t c) {
  LaneArray<n> pixels;
  for (std::size_t i = 0; i < n; ++i) {
    Halves half;
    std::memcpy(&half, rows[i] + c, sizeof half);
    pixels[i] = reinterpret_cast<Lanes>(widen(half) << 16);
  }
  return pixels;
}

}  // namespace kelvin::winograd
