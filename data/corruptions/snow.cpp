// Snow: flakes drawn as thresholded noise, enlarged and blown downwards, over an image made paler.
#include <algorithm>
#include <numbers>

#include "data/corruptions/filters.h"

namespace kelvin {
namespace {

struct Snow {
  double mean, deviation, zoom, threshold;  // of the noise that becomes flakes
  int radius;                               // of their trail
  double sigma, mix;                        // mix: how much of the image's own colour stays
};
constexpr BySize<Snow> kSnow = {{{.1, .2, 1, .6, 8, 3, .95},
                                 {.1, .2, 1, .5, 10, 4, .9},
                                 {.15, .3, 1.75, .55, 10, 4, .9},
                                 {.25, .3, 2.25, .6, 12, 6, .85},
                                 {.3, .3, 1.25, .65, 14, 12, .8}},
                                {{.1, .2, 1, .6, 8, 3, .8},
                                 {.1, .2, 1, .5, 10, 4, .8},
                                 {.15, .3, 1.75, .55, 10, 4, .7},
                                 {.25, .3, 2.25, .6, 12, 6, .65},
                                 {.3, .3, 1.25, .65, 14, 12, .6}},
                                {{.1, .3, 3, .5, 10, 4, .8},
                                 {.2, .3, 2, .5, 12, 4, .7},
                                 {.55, .3, 4, .9, 12, 8, .7},
                                 {.55, .3, 4.5, .85, 12, 8, .65},
                                 {.55, .3, 2.5, .85, 12, 12, .55}}};

// The flakes, one channel, 8 bits. The trail points downwards, 45° to either side.
ByteImage flakes(const ByteImage& like, const Snow& s, const ImageRandom& random) {
  std::vector<double> layer;
  for (const float n : normals(random, static_cast<std::size_t>(like.height) * static_cast<std::size_t>(like.width)))
    layer.push_back(s.mean + s.deviation * static_cast<double>(n));
  layer = center_zoom(layer, like.height, like.width, 1, s.zoom);
  for (double& v : layer)
    if (v < s.threshold) v = 0;
  const double turn = uniforms(random, 1, layer.size())[0];  // behind the elements of the noise
  const double angle = (-90 + 45 * turn) * std::numbers::pi / 180;
  return motion_trail(from_unit({like.height, like.width, 1, {}}, layer), s.radius, s.sigma, angle);
}

}  // namespace

// mix·x + (1 − mix)·max(x, 1.5·grey + 0.5), plus the flakes, plus the flakes turned by 180°.
ByteImage snow(const ByteImage& image, int severity, const ImageRandom& random) {
  const Snow s = kSnow.at(image, severity);
  const ByteImage layer = flakes(image, s, random);
  std::vector<double> x = to_unit(image);
  const auto channels = static_cast<std::size_t>(image.channels), n = layer.pixels.size();
  for (std::size_t p = 0; p < n; ++p) {
    double* const v = x.data() + p * channels;
    const double grey = channels == 3 ? 0.299 * v[0] + 0.587 * v[1] + 0.114 * v[2] : v[0];
    const double fallen = (layer.pixels[p] + layer.pixels[n - 1 - p]) / 255.0;
    for (std::size_t c = 0; c < channels; ++c)
      v[c] = s.mix * v[c] + (1 - s.mix) * std::max(v[c], 1.5 * grey + 0.5) + fallen;
  }
  return from_unit(image, x);
}

}  // namespace kelvin
