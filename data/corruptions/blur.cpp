// Blur by convolution with a fixed kernel.
#include <algorithm>
#include <array>
#include <cmath>

#include "data/corruptions/filters.h"

namespace kelvin {
namespace {

struct Defocus {
  double radius, alias_sigma;
};
constexpr BySize<Defocus> kDefocus = {{{.3, .4}, {.4, .5}, {.5, .6}, {1, .2}, {1.5, .1}},
                                      {{.5, .6}, {1, .1}, {1.5, .1}, {2.5, .01}, {3, .1}}};

constexpr int kReach = 8, kKernelSide = 2 * kReach + 1;
using Kernel = std::array<double, kKernelSide * kKernelSide>;

// A disk of the given radius on the grid −8…8, normalised, smoothed by a 3x3 Gaussian. A radius below 1 is one pixel.
Kernel disk_kernel(const Defocus& d) {
  Kernel disk{};
  double area = 0;
  for (int y = -kReach; y <= kReach; ++y)
    for (int x = -kReach; x <= kReach; ++x) {
      const double inside = x * x + y * y <= d.radius * d.radius ? 1.0 : 0.0;
      disk[static_cast<std::size_t>((y + kReach) * kKernelSide + x + kReach)] = inside;
      area += inside;
    }
  const double side = std::exp(-1 / (2 * d.alias_sigma * d.alias_sigma)), total = 1 + 2 * side;
  const double taps[3] = {side / total, 1 / total, side / total};
  Kernel kernel{};
  for (int y = 0; y < kKernelSide; ++y)
    for (int x = 0; x < kKernelSide; ++x)
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx)
          kernel[static_cast<std::size_t>(y * kKernelSide + x)] +=
              taps[dy + 1] * taps[dx + 1] / area *
              disk[static_cast<std::size_t>(edge_index(y + dy, kKernelSide, Edge::mirror) * kKernelSide +
                                            edge_index(x + dx, kKernelSide, Edge::mirror))];
  return kernel;
}

std::vector<double> correlate(const ByteImage& image, const std::vector<double>& x, const Kernel& kernel) {
  const int height = image.height, width = image.width, channels = image.channels;
  // Rows with their mirror images on both sides, so that the inner loop runs along them.
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(width) * channels, wide = row + 2 * kReach * channels;
  std::vector<double> padded(static_cast<std::size_t>(height * wide));
  for (int h = 0; h < height; ++h)
    for (int w = -kReach; w < width + kReach; ++w)
      std::copy_n(x.begin() + h * row + static_cast<std::ptrdiff_t>(edge_index(w, width, Edge::mirror)) * channels,
                  channels, padded.begin() + h * wide + static_cast<std::ptrdiff_t>(w + kReach) * channels);
  std::vector<double> out(x.size(), 0.0);
  for (int ky = 0; ky < kKernelSide; ++ky)
    for (int kx = 0; kx < kKernelSide; ++kx) {
      const double weight = kernel[static_cast<std::size_t>(ky * kKernelSide + kx)];
      if (weight < 1e-12) continue;  // all 289 such taps together move no pixel by 1e-9
      for (int h = 0; h < height; ++h) {
        const double* const from = padded.data() + edge_index(h + ky - kReach, height, Edge::mirror) * wide +
                                   static_cast<std::ptrdiff_t>(kx) * channels;
        double* const to = out.data() + h * row;
        for (std::ptrdiff_t i = 0; i < row; ++i) to[i] += weight * from[i];
      }
    }
  return out;
}

}  // namespace

ByteImage defocus_blur(const ByteImage& image, int severity, const ImageRandom&) {
  return from_unit(image, correlate(image, to_unit(image), disk_kernel(kDefocus.at(image, severity))));
}

}  // namespace kelvin
