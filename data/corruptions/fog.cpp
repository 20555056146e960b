// Fog: a plasma fractal laid over the image.
#include <algorithm>

#include "data/corruptions/corruption.h"

namespace kelvin {
namespace {

struct Fog {
  double strength, decay;
};
constexpr BySize<Fog> kFog = {{{.2, 3}, {.5, 3}, {.75, 2.5}, {1, 2}, {1.5, 1.75}},
                              {{.4, 3}, {.7, 3}, {1, 2.5}, {1.5, 2}, {2, 1.75}},
                              {{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}}};

// Diamond-square (Fournier, Fussell, Carpenter 1982) on a periodic size x size grid, scaled to [0, 1]; size is a power of two.
// The perturbation is wibble·U(−wibble, wibble), and wibble shrinks by `decay` a level.
std::vector<double> plasma(int size, double decay, const ImageRandom& random) {
  std::vector<double> grid(static_cast<std::size_t>(size * size), 0.0);
  const auto at = [&grid, size](int r, int c) -> double& {
    return grid[static_cast<std::size_t>((r & (size - 1)) * size + (c & (size - 1)))];
  };
  std::size_t element = 0;
  double wibble = 100;
  const auto moved = [&](double mean) {
    return mean + wibble * wibble * (2 * static_cast<double>(uniform01(random.bits(element++)[0])) - 1);
  };
  for (int s = size; s >= 2; s /= 2, wibble /= decay) {
    const int half = s / 2;
    for (int r = 0; r < size; r += s)
      for (int c = 0; c < size; c += s)
        at(r + half, c + half) = moved((at(r, c) + at(r + s, c) + at(r, c + s) + at(r + s, c + s)) / 4);
    for (int r = 0; r < size; r += half)
      for (int c = (r / half) % 2 == 0 ? half : 0; c < size; c += s)
        at(r, c) = moved((at(r - half, c) + at(r + half, c) + at(r, c - half) + at(r, c + half)) / 4);
  }
  const auto [low, high] = std::minmax_element(grid.begin(), grid.end());
  const double least = *low, range = *high - *low;
  for (double& v : grid) v = range > 0 ? (v - least) / range : 0.0;
  return grid;
}

}  // namespace

// The fog's grid is the next power of two, its upper left part is used: 28 pixels lie in a grid of 32.
ByteImage fog(const ByteImage& image, int severity, const ImageRandom& random) {
  const Fog f = kFog.at(image, severity);
  int size = 2;
  while (size < std::max(image.height, image.width)) size *= 2;
  const std::vector<double> layer = plasma(size, f.decay, random);
  std::vector<double> x = to_unit(image);
  const double brightest = *std::max_element(x.begin(), x.end());
  for (int h = 0; h < image.height; ++h)
    for (int w = 0; w < image.width; ++w)
      for (int c = 0; c < image.channels; ++c) {
        double& v = x[static_cast<std::size_t>((h * image.width + w) * image.channels + c)];
        v = (v + f.strength * layer[static_cast<std::size_t>(h * size + w)]) * brightest / (brightest + f.strength);
      }
  return from_unit(image, x);
}

}  // namespace kelvin
