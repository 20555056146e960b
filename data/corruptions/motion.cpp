// A camera that moves: sideways (motion) and forwards (zoom).
#include <algorithm>
#include <numbers>

#include "data/corruptions/filters.h"

namespace kelvin {
namespace {

struct Motion {
  int radius;
  double sigma;
};
constexpr BySize<Motion> kMotion = {{{6, 1}, {6, 1.5}, {6, 2}, {8, 2}, {9, 2.5}},
                                    {{10, 1}, {10, 1.5}, {10, 2}, {10, 2.5}, {12, 3}},
                                    {{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}}};
struct Zoom {
  int factors;  // 1, 1 + step, ...
  double step;
};
constexpr BySize<Zoom> kZoom = {{{7, .01}, {12, .01}, {16, .01}, {21, .01}, {26, .01}},
                                {{7, .01}, {12, .01}, {16, .01}, {21, .01}, {26, .01}},
                                {{12, .01}, {16, .01}, {11, .02}, {13, .02}, {11, .03}}};

}  // namespace

// In a direction up to 45° from horizontal.
ByteImage motion_blur(const ByteImage& image, int severity, const ImageRandom& random) {
  const Motion m = kMotion.at(image, severity);
  const double angle = (static_cast<double>(uniform01(random.bits(0)[0])) - 0.5) * std::numbers::pi / 2;
  return motion_trail(image, m.radius, m.sigma, angle);
}

// The mean of the image and its enlargements, of which the first is the image again.
ByteImage zoom_blur(const ByteImage& image, int severity, const ImageRandom&) {
  const std::vector<double> x = to_unit(image);
  std::vector<double> sum = x;
  const Zoom zoom = kZoom.at(image, severity);
  const double step = 1 + zoom.step - 1;  // the factors round as in a range that counts from 1 on
  for (int f = 0; f < zoom.factors; ++f) {
    const std::vector<double> enlarged = center_zoom(x, image.height, image.width, image.channels, 1 + f * step);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += enlarged[i];
  }
  for (double& v : sum) v /= zoom.factors + 1;
  return from_unit(image, sum);
}

}  // namespace kelvin
