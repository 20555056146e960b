// Gaussian smoothing with replicated edges, and glass: smoothing around pixels copied from near by.
#include <algorithm>

#include "data/corruptions/filters.h"

namespace kelvin {
namespace {

constexpr BySize<double> kBlurSigma = {{.4, .6, .7, .8, 1}, {.5, .75, 1, 1.25, 1.5}, {1, 2, 3, 4, 6}};

struct Glass {
  double sigma;
  int reach, rounds;
};
constexpr BySize<Glass> kGlass = {{{.05, 1, 1}, {.25, 1, 1}, {.4, 1, 1}, {.25, 1, 2}, {.4, 1, 2}},
                                  {{.1, 1, 1}, {.5, 1, 1}, {.6, 1, 2}, {.7, 2, 1}, {.9, 2, 2}},
                                  {{.7, 1, 2}, {.9, 2, 1}, {1, 2, 3}, {1.1, 3, 2}, {1.5, 4, 2}}};

ByteImage smoothed(const ByteImage& image, double sigma) {
  std::vector<double> x = to_unit(image);
  gaussian_smooth(x, image.height, image.width, image.channels, sigma, Edge::nearest);
  return from_unit(image, x);
}

}  // namespace

ByteImage gaussian_blur(const ByteImage& image, int severity, const ImageRandom&) {
  return smoothed(image, kBlurSigma.at(image, severity));
}

// The published code means to swap two pixels, but copies the far one onto the near one; in raster-descending order and in place,
// so that copies cascade. Offsets are in [−reach, reach − 1].
ByteImage glass_blur(const ByteImage& image, int severity, const ImageRandom& random) {
  const Glass g = kGlass.at(image, severity);
  ByteImage moved = smoothed(image, g.sigma);
  const std::ptrdiff_t pixel = image.channels, row = pixel * image.width;
  const auto span = static_cast<std::uint32_t>(2 * g.reach);
  std::size_t element = 0;
  for (int round = 0; round < g.rounds; ++round)
    for (int h = image.height - g.reach; h > g.reach; --h)
      for (int w = image.width - g.reach; w > g.reach; --w, ++element) {
        const auto bits = random.bits(element);
        const int dx = static_cast<int>(uniform_below(bits[0], span)) - g.reach;
        const int dy = static_cast<int>(uniform_below(bits[1], span)) - g.reach;
        const auto from = moved.pixels.begin() + (h + dy) * row + (w + dx) * pixel;
        std::copy(from, from + pixel, moved.pixels.begin() + h * row + w * pixel);
      }
  return smoothed(moved, g.sigma);
}

}  // namespace kelvin
