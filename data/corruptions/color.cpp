// Changes of value and colour: brightness, contrast, saturation.
#include <algorithm>

#include "data/corruptions/corruption.h"

namespace kelvin {
namespace {

constexpr BySize<double> kBrightness = {{.05, .1, .15, .2, .3}, {.1, .2, .3, .4, .5}, {.1, .2, .3, .4, .5}};
constexpr BySize<double> kContrast = {{.75, .5, .4, .3, .15}, {.4, .3, .2, .1, .05}, {.4, .3, .2, .1, .05}};

struct Saturate {
  double scale, shift;
};
constexpr BySize<Saturate> kSaturate = {{{.3, 0}, {.1, 0}, {1.5, 0}, {2, .1}, {2.5, .2}},
                                        {{.3, 0}, {.1, 0}, {2, 0}, {5, .1}, {30, .2}},
                                        {{.3, 0}, {.1, 0}, {2, 0}, {5, .1}, {20, .2}}};

}  // namespace

// V of HSV is the largest channel; hue and saturation stay when all channels are scaled alike. A grey image is its own V.
ByteImage brightness(const ByteImage& image, int severity, const ImageRandom&) {
  std::vector<double> x = to_unit(image);
  const auto channels = static_cast<std::size_t>(image.channels);
  const double more = kBrightness.at(image, severity);
  for (std::size_t p = 0; p < x.size(); p += channels) {
    const double value = *std::max_element(x.begin() + static_cast<std::ptrdiff_t>(p),
                                           x.begin() + static_cast<std::ptrdiff_t>(p + channels));
    const double brighter = std::clamp(value + more, 0.0, 1.0);
    for (std::size_t c = 0; c < channels; ++c) x[p + c] = value > 0 ? x[p + c] * (brighter / value) : brighter;
  }
  return from_unit(image, x);
}

// S of HSV is 1 − least/largest; hue stays. A pixel without hue turns red, as hue 0 says; an image without colour stays.
ByteImage saturate(const ByteImage& image, int severity, const ImageRandom&) {
  if (image.channels != 3) return image;
  std::vector<double> x = to_unit(image);
  const Saturate k = kSaturate.at(image, severity);
  for (std::size_t p = 0; p < x.size(); p += 3) {
    const double value = std::max({x[p], x[p + 1], x[p + 2]}), least = std::min({x[p], x[p + 1], x[p + 2]});
    if (value == 0) continue;
    const double before = (value - least) / value, after = std::clamp(k.scale * before + k.shift, 0.0, 1.0);
    if (before > 0) {
      for (std::size_t c = 0; c < 3; ++c) x[p + c] = value - (value - x[p + c]) * (after / before);
    } else {
      x[p + 1] = x[p + 2] = value * (1 - after);
    }
  }
  return from_unit(image, x);
}

// (x − μ) c + μ with the mean of each channel of this image.
ByteImage contrast(const ByteImage& image, int severity, const ImageRandom&) {
  std::vector<double> x = to_unit(image);
  const auto channels = static_cast<std::size_t>(image.channels);
  const double factor = kContrast.at(image, severity);
  for (std::size_t c = 0; c < channels; ++c) {
    double sum = 0;
    for (std::size_t p = c; p < x.size(); p += channels) sum += x[p];
    const double mean = sum / (static_cast<double>(x.size()) / static_cast<double>(channels));
    for (std::size_t p = c; p < x.size(); p += channels) x[p] = (x[p] - mean) * factor + mean;
  }
  return from_unit(image, x);
}

}  // namespace kelvin
