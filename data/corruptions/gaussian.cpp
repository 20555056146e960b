// Gaussian smoothing with replicated edges, and glass: smoothing around pixels copied from near by.
#include <algorithm>
#include <cmath>

#include "data/corruptions/corruption.h"

namespace kelvin {
namespace {

constexpr double kBlurSigma[] = {.4, .6, .7, .8, 1};

struct Glass {
  double sigma;
  int reach, rounds;
};
constexpr Glass kGlass[] = {{.05, 1, 1}, {.25, 1, 1}, {.4, 1, 1}, {.25, 1, 2}, {.4, 1, 2}};

// One pass along an axis: `length` samples `stride` apart.
void smooth_line(double* first, int length, std::ptrdiff_t stride, const std::vector<double>& taps,
                 std::vector<double>& line) {
  const int radius = static_cast<int>(taps.size() / 2);
  line.resize(static_cast<std::size_t>(length));
  for (int i = 0; i < length; ++i) line[static_cast<std::size_t>(i)] = first[i * stride];
  for (int i = 0; i < length; ++i) {
    double sum = 0;
    for (int k = -radius; k <= radius; ++k)
      sum +=
          taps[static_cast<std::size_t>(k + radius)] * line[static_cast<std::size_t>(std::clamp(i + k, 0, length - 1))];
    first[i * stride] = sum;
  }
}

// Taps exp(−k²/2σ²) to int(4σ + ½) on either side, each channel on its own.
void smooth(std::vector<double>& x, const ByteImage& like, double sigma) {
  const int radius = static_cast<int>(4 * sigma + 0.5);
  if (radius == 0) return;
  std::vector<double> taps, line;
  double total = 0;
  for (int k = -radius; k <= radius; ++k) total += taps.emplace_back(std::exp(-k * k / (2 * sigma * sigma)));
  for (double& tap : taps) tap /= total;
  const std::ptrdiff_t pixel = like.channels, row = pixel * like.width;
  for (int c = 0; c < like.channels; ++c) {
    for (int w = 0; w < like.width; ++w) smooth_line(x.data() + w * pixel + c, like.height, row, taps, line);
    for (int h = 0; h < like.height; ++h) smooth_line(x.data() + h * row + c, like.width, pixel, taps, line);
  }
}

}  // namespace

ByteImage gaussian_blur(const ByteImage& image, int severity, const ImageRandom&) {
  std::vector<double> x = to_unit(image);
  smooth(x, image, kBlurSigma[severity]);
  return from_unit(image, x);
}

// The published code means to swap two pixels, but copies the far one onto the near one; in raster-descending order and in place,
// so that copies cascade. Offsets are in [−reach, reach − 1].
ByteImage glass_blur(const ByteImage& image, int severity, const ImageRandom& random) {
  const Glass g = kGlass[severity];
  std::vector<double> x = to_unit(image);
  smooth(x, image, g.sigma);
  ByteImage moved = from_unit(image, x);
  const std::ptrdiff_t pixel = image.channels, row = pixel * image.width;
  std::size_t element = 0;
  for (int round = 0; round < g.rounds; ++round)
    for (int h = image.height - g.reach; h > g.reach; --h)
      for (int w = image.width - g.reach; w > g.reach; --w) {
        const auto bits = random.bits(element++);
        const auto span = static_cast<std::uint32_t>(2 * g.reach);
        const int dx = static_cast<int>(uniform_below(bits[0], span)) - g.reach;
        const int dy = static_cast<int>(uniform_below(bits[1], span)) - g.reach;
        const auto from = moved.pixels.begin() + (h + dy) * row + (w + dx) * pixel;
        std::copy(from, from + pixel, moved.pixels.begin() + h * row + w * pixel);
      }
  x = to_unit(moved);
  smooth(x, image, g.sigma);
  return from_unit(image, x);
}

}  // namespace kelvin
