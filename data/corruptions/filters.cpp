#include "data/corruptions/filters.h"

#include <algorithm>
#include <cmath>

namespace kelvin {

int edge_index(int i, int size, Edge edge) {
  if (i >= 0 && i < size) return i;
  if (edge == Edge::nearest || size == 1) return std::clamp(i, 0, size - 1);
  const int period = edge == Edge::reflect ? 2 * size : 2 * (size - 1);
  i = ((i % period) + period) % period;
  if (i < size) return i;
  return edge == Edge::reflect ? period - 1 - i : period - i;
}

void gaussian_smooth(std::vector<double>& x, int height, int width, int channels, double sigma, Edge edge,
                     double truncate) {
  const int radius = static_cast<int>(truncate * sigma + 0.5);
  if (radius == 0) return;
  std::vector<double> taps;
  double total = 0;
  for (int k = -radius; k <= radius; ++k) total += taps.emplace_back(std::exp(-k * k / (2 * sigma * sigma)));
  for (double& tap : taps) tap /= total;

  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(width) * channels;
  std::vector<double> columns(x.size(), 0.0);
  for (int h = 0; h < height; ++h)
    for (int k = -radius; k <= radius; ++k) {
      const double tap = taps[static_cast<std::size_t>(k + radius)];
      const double* const from = x.data() + edge_index(h + k, height, edge) * row;
      double* const to = columns.data() + h * row;
      for (std::ptrdiff_t i = 0; i < row; ++i) to[i] += tap * from[i];
    }
  // A row with its continuation on both sides, so that the inner loop runs along it.
  std::vector<double> padded(static_cast<std::size_t>((width + 2 * radius) * channels));
  for (int h = 0; h < height; ++h) {
    const double* const from = columns.data() + h * row;
    for (int w = -radius; w < width + radius; ++w)
      std::copy_n(from + static_cast<std::ptrdiff_t>(edge_index(w, width, edge)) * channels, channels,
                  padded.begin() + static_cast<std::ptrdiff_t>(w + radius) * channels);
    double* const to = x.data() + h * row;
    std::fill_n(to, row, 0.0);
    for (int k = 0; k <= 2 * radius; ++k) {
      const double tap = taps[static_cast<std::size_t>(k)];
      const double* const shifted = padded.data() + static_cast<std::ptrdiff_t>(k) * channels;
      for (std::ptrdiff_t i = 0; i < row; ++i) to[i] += tap * shifted[i];
    }
  }
}

ByteImage motion_trail(const ByteImage& image, int radius, double sigma, double angle) {
  const int taps = 2 * radius + 1, height = image.height, width = image.width, channels = image.channels;
  double total = 0;
  for (int i = 0; i < taps; ++i) total += std::exp(-i * i / (2 * sigma * sigma));

  // Rows with `taps` replicated pixels on both sides: no offset is longer.
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(width) * channels, pad = taps * channels, wide = row + 2 * pad;
  std::vector<float> padded(static_cast<std::size_t>(height * wide));
  for (int h = 0; h < height; ++h) {
    float* const to = padded.data() + h * wide;
    const std::uint8_t* const from = image.pixels.data() + h * row;
    std::copy_n(from, row, to + pad);
    for (std::ptrdiff_t i = 0; i < pad; ++i) {
      to[i] = from[i % channels];
      to[pad + row + i] = from[row - channels + i % channels];
    }
  }
  std::vector<double> sum(image.pixels.size(), 0.0);
  for (int i = 0; i < taps; ++i) {
    const double tap = std::exp(-i * i / (2 * sigma * sigma)) / total;
    if (tap < 1e-9) break;  // cannot move a sum of 8-bit values by more than 1e-6
    const int dx = static_cast<int>(std::ceil(i * std::cos(angle) - 0.5));
    const int dy = static_cast<int>(std::ceil(i * std::sin(angle) - 0.5));
    for (int h = 0; h < height; ++h) {
      const float* const from = padded.data() + std::clamp(h + dy, 0, height - 1) * wide + pad + dx * channels;
      double* const to = sum.data() + h * row;
      for (std::ptrdiff_t k = 0; k < row; ++k) to[k] += tap * static_cast<double>(from[k]);
    }
  }
  ByteImage out{height, width, channels, std::vector<std::uint8_t>(sum.size())};
  // Sums are not negative. A step of 8 bits is 257 steps of 16.
  for (std::size_t k = 0; k < sum.size(); ++k)
    out.pixels[k] = static_cast<std::uint8_t>(std::min(static_cast<int>(sum[k] * 257 + 0.5) / 257, 255));
  return out;
}

ZoomAxis::ZoomAxis(int length, double factor) {
  const int crop = static_cast<int>(std::ceil(length / factor));
  const int top = (length - crop) / 2;
  const int size = static_cast<int>(std::nearbyint(crop * factor));
  const int skip = (size - length) / 2;
  for (int i = 0; i < length; ++i) {
    const double source = size > 1 ? static_cast<double>(i + skip) * (crop - 1) / (size - 1) : 0.0;
    const int below = std::min(static_cast<int>(source), crop - 1);
    low.push_back(top + below);
    high.push_back(top + std::min(below + 1, crop - 1));
    fraction.push_back(source - below);
  }
}

std::vector<double> center_zoom(const std::vector<double>& x, int height, int width, int channels, double factor) {
  const ZoomAxis rows(height, factor), cols(width, factor);
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(width) * channels;
  std::vector<double> out(x.size()), line(static_cast<std::size_t>(row));
  for (int h = 0; h < height; ++h) {
    const auto r = static_cast<std::size_t>(h);
    const double* const above = x.data() + rows.low[r] * row;
    const double* const below = x.data() + rows.high[r] * row;
    const double y = rows.fraction[r];
    for (std::ptrdiff_t i = 0; i < row; ++i) line[static_cast<std::size_t>(i)] = above[i] + y * (below[i] - above[i]);
    double* to = out.data() + h * row;
    for (int w = 0; w < width; ++w) {
      const auto q = static_cast<std::size_t>(w);
      const double* const left = line.data() + static_cast<std::ptrdiff_t>(cols.low[q]) * channels;
      const double* const right = line.data() + static_cast<std::ptrdiff_t>(cols.high[q]) * channels;
      for (int c = 0; c < channels; ++c) *to++ = left[c] + cols.fraction[q] * (right[c] - left[c]);
    }
  }
  return out;
}

}  // namespace kelvin
