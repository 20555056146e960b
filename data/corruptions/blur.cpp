// Blur by convolution with a fixed kernel.
#include <algorithm>
#include <cmath>

#include "data/corruptions/filters.h"

namespace kelvin {
namespace {

struct Defocus {
  double radius, alias_sigma;
};
constexpr BySize<Defocus> kDefocus = {{{.3, .4}, {.4, .5}, {.5, .6}, {1, .2}, {1.5, .1}},
                                      {{.5, .6}, {1, .1}, {1.5, .1}, {2.5, .01}, {3, .1}},
                                      {{3, .1}, {4, .5}, {6, .5}, {8, .5}, {10, .5}}};

struct Kernel {
  int reach = 0, side = 0;      // side = 2 reach + 1
  std::vector<double> weights;  // [side, side]
};

// A disk of the given radius on the grid −8…8 – or as far as the radius –, normalised, smoothed by a Gaussian of 3x3 taps, beyond radius 8 of 5x5.
// A radius below 1 is one pixel.
Kernel disk_kernel(const Defocus& d) {
  const int reach = std::max(8, static_cast<int>(d.radius)), side = 2 * reach + 1;
  const std::vector<double> none(static_cast<std::size_t>(side * side), 0.0);
  std::vector<double> disk = none;
  double area = 0;
  for (int y = -reach; y <= reach; ++y)
    for (int x = -reach; x <= reach; ++x) {
      const double inside = x * x + y * y <= d.radius * d.radius ? 1.0 : 0.0;
      disk[static_cast<std::size_t>((y + reach) * side + x + reach)] = inside;
      area += inside;
    }
  const int taps = d.radius <= 8 ? 1 : 2;  // on either side
  const auto tap = [&](int k) { return std::exp(-k * k / (2 * d.alias_sigma * d.alias_sigma)); };
  double total = 0;
  for (int k = -taps; k <= taps; ++k) total += tap(k);
  Kernel kernel{reach, side, none};
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int dy = -taps; dy <= taps; ++dy)
        for (int dx = -taps; dx <= taps; ++dx)
          kernel.weights[static_cast<std::size_t>(y * side + x)] +=
              tap(dy) / total * (tap(dx) / total) / area *
              disk[static_cast<std::size_t>(edge_index(y + dy, side, Edge::mirror) * side +
                                            edge_index(x + dx, side, Edge::mirror))];
  return kernel;
}

std::vector<double> correlate(const ByteImage& image, const std::vector<double>& x, const Kernel& kernel) {
  const int height = image.height, width = image.width, channels = image.channels;
  // Rows with their mirror images on both sides, so that the inner loop runs along them.
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(width) * channels, wide = row + 2 * kernel.reach * channels;
  std::vector<double> padded(static_cast<std::size_t>(height * wide));
  for (int h = 0; h < height; ++h)
    for (int w = -kernel.reach; w < width + kernel.reach; ++w)
      std::copy_n(x.begin() + h * row + static_cast<std::ptrdiff_t>(edge_index(w, width, Edge::mirror)) * channels,
                  channels, padded.begin() + h * wide + static_cast<std::ptrdiff_t>(w + kernel.reach) * channels);
  std::vector<double> out(x.size(), 0.0);
  for (int ky = 0; ky < kernel.side; ++ky)
    for (int kx = 0; kx < kernel.side; ++kx) {
      const double weight = kernel.weights[static_cast<std::size_t>(ky * kernel.side + kx)];
      if (weight < 1e-12) continue;  // all such taps together move no pixel by 1e-9
      for (int h = 0; h < height; ++h) {
        const double* const from = padded.data() + edge_index(h + ky - kernel.reach, height, Edge::mirror) * wide +
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
