#include "models/positions.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace kelvin {
namespace {

// The cubic convolution kernel with a = −1/2 (Keys 1981), which PyTorch and Pillow use when antialiasing.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// One output sample of a line of `from` samples resampled to `to`: which samples, and their weights.
struct Taps {
  std::int64_t first;
  std::vector<double> weights;
};
Taps taps_for(std::int64_t at, std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to), stretch = std::max(scale, 1.0);
  const double centre = (static_cast<double>(at) + 0.5) * scale, support = 2 * stretch;
  Taps taps{std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - support + 0.5)), {}};
  const auto end = std::min(from, static_cast<std::int64_t>(centre + support + 0.5));
  double sum = 0;
  for (std::int64_t i = taps.first; i < end; ++i) {
    taps.weights.push_back(cubic((static_cast<double>(i) - centre + 0.5) / stretch));
    sum += taps.weights.back();
  }
  for (double& w : taps.weights) w /= sum;
  return taps;
}

}  // namespace

PatchGrid patch_grid(std::int64_t patches, std::int64_t height, std::int64_t width) {
  if (patches < 1 || height < 1 || width < 1) return {};
  const auto rows = static_cast<std::int64_t>(
      std::lround(std::sqrt(static_cast<double>(patches) * static_cast<double>(height) / static_cast<double>(width))));
  if (rows < 1 || patches % rows != 0 || rows * width != patches / rows * height) return {};
  return {rows, patches / rows};
}

std::vector<float> resample_positions(const std::vector<float>& positions, std::int64_t width, PatchGrid from,
                                      PatchGrid to) {
  std::vector<float> out(static_cast<std::size_t>((1 + to.size()) * width));
  std::copy(positions.begin(), positions.begin() + width, out.begin());
  for (std::int64_t r = 0; r < to.rows; ++r)
    for (std::int64_t c = 0; c < to.cols; ++c) {
      const Taps down = taps_for(r, from.rows, to.rows), across = taps_for(c, from.cols, to.cols);
      for (std::int64_t d = 0; d < width; ++d) {
        double sum = 0;
        for (std::size_t i = 0; i < down.weights.size(); ++i)
          for (std::size_t j = 0; j < across.weights.size(); ++j) {
            const std::int64_t token = 1 + (down.first + static_cast<std::int64_t>(i)) * from.cols + across.first +
                                       static_cast<std::int64_t>(j);
            sum += down.weights[i] * across.weights[j] * positions[static_cast<std::size_t>(token * width + d)];
          }
        out[static_cast<std::size_t>((1 + r * to.cols + c) * width + d)] = static_cast<float>(sum);
      }
    }
  return out;
}

}  // namespace kelvin
