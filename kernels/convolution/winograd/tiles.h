// CPU: which pixels a tile reads. The outputs [N, H, W, K] are cut into square tiles; each depends on input pixels that begin one pixel up and
// left. Tiles are numbered image by image, row by row; where a tile's side does not divide an image's, the last ones reach over the edge.
#pragma once

#include <algorithm>
#include <array>

#include "kernels/device/view.h"

namespace kelvin::winograd {

// Pixels of a tile: pixel j of row i begins at rows[i] + j · channels. Columns outside [first, last) lie outside the image.
template <int n, class T>
struct TileWindow {
  std::array<T*, n> rows;
  std::int64_t channels, first, last;

  // Column j from channel c on.
  template <class V, class Read>
  [[gnu::always_inline]] std::array<V, n> load_column(const Read& read, int j, std::int64_t c) const {
    std::array<V, n> column;
    if (j < first || j >= last) {
      column.fill(V{});
      return column;
    }
    const std::int64_t at = j * channels + c;
#pragma GCC unroll 6
    for (int i = 0; i < n; ++i) column[i] = read(rows[i] + at);
    return column;
  }
};

template <int side>
struct TileGrid {
  std::int64_t images, height, width;

  explicit TileGrid(const Shape& x) : images(x[0]), height(x[1]), width(x[2]) {}
  [[nodiscard]] std::int64_t rows() const { return (height + side - 1) / side; }
  [[nodiscard]] std::int64_t cols() const { return (width + side - 1) / side; }
  [[nodiscard]] std::int64_t tiles() const { return images * rows() * cols(); }

  // The n x n pixels that begin `shift` pixels up and left of the tile's first. Rows outside the image, and those of a tile beyond the last, lie
  // in `zeros`, n pixels of zeros, or are null where there is none.
  template <int n, class T>
  [[nodiscard]] TileWindow<n, T> window(T* of_images, std::int64_t channels, std::int64_t tile, std::int64_t shift,
                                        T* zeros) const {
    const std::int64_t left = tile % cols() * side - shift, top = tile / cols() % rows() * side - shift,
                       image = tile / cols() / rows();
    TileWindow<n, T> w;
    w.channels = channels;
    w.first = std::max<std::int64_t>(-left, 0);
    w.last = std::min<std::int64_t>(width - left, n);
    for (int i = 0; i < n; ++i) {
      const bool inside = image < images && top + i >= 0 && top + i < height;
      w.rows[i] = inside ? of_images + ((image * height + top + i) * width + left) * channels : zeros;
    }
    return w;
  }
};

}  // namespace kelvin::winograd
