// Blur by convolution with a fixed kernel.
#include <algorithm>
#include <array>
#include <cmath>

#include "data/corruptions/corruption.h"

namespace kelvin {
namespace {

struct Defocus {
  double radius, alias_sigma;
};
constexpr Defocus kDefocus[] = {{.3, .4}, {.4, .5}, {.5, .6}, {1, .2}, {1.5, .1}};

constexpr int kReach = 8, kSide = 2 * kReach + 1;
using Kernel = std::array<double, kSide * kSide>;

// Mirror without repeating the border pixel (OpenCV's BORDER_REFLECT_101).
int reflect(int i, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  i = ((i % period) + period) % period;
  return i < size ? i : period - i;
}

// A disk of the given radius on the grid −8…8, normalised, smoothed by a 3x3 Gaussian. A radius below 1 is one pixel.
Kernel disk_kernel(const Defocus& d) {
  Kernel disk{};
  double area = 0;
  for (int y = -kReach; y <= kReach; ++y)
    for (int x = -kReach; x <= kReach; ++x) {
      const double inside = x * x + y * y <= d.radius * d.radius ? 1.0 : 0.0;
      disk[static_cast<std::size_t>((y + kReach) * kSide + x + kReach)] = inside;
      area += inside;
    }
  const double side = std::exp(-1 / (2 * d.alias_sigma * d.alias_sigma)), total = 1 + 2 * side;
  const double taps[3] = {side / total, 1 / total, side / total};
  Kernel kernel{};
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x)
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx)
          kernel[static_cast<std::size_t>(y * kSide + x)] +=
              taps[dy + 1] * taps[dx + 1] / area *
              disk[static_cast<std::size_t>(reflect(y + dy, kSide) * kSide + reflect(x + dx, kSide))];
  return kernel;
}

std::vector<double> correlate(const ByteImage& image, const std::vector<double>& x, const Kernel& kernel) {
  const int height = image.height, width = image.width, channels = image.channels;
  std::vector<double> out(x.size(), 0.0);
  for (int ky = 0; ky < kSide; ++ky)
    for (int kx = 0; kx < kSide; ++kx) {
      const double weight = kernel[static_cast<std::size_t>(ky * kSide + kx)];
      if (weight == 0) continue;
      for (int h = 0; h < height; ++h)
        for (int w = 0; w < width; ++w) {
          const int from = (reflect(h + ky - kReach, height) * width + reflect(w + kx - kReach, width)) * channels;
          for (int c = 0; c < channels; ++c)
            out[static_cast<std::size_t>((h * width + w) * channels + c)] +=
                weight * x[static_cast<std::size_t>(from + c)];
        }
    }
  return out;
}

}  // namespace

ByteImage defocus_blur(const ByteImage& image, int severity, const ImageRandom&) {
  return from_unit(image, correlate(image, to_unit(image), disk_kernel(kDefocus[severity])));
}

}  // namespace kelvin
