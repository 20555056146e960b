// Spatter: drops of water (severity 1 to 3) or mud (4 and 5).
#include <algorithm>

#include "data/corruptions/drops.h"
#include "data/corruptions/filters.h"

namespace kelvin {
namespace {

struct Spatter {
  double mean, deviation, sigma, threshold;  // of the noise that becomes drops
  double strength;                           // water: the largest weight of its colour; mud: the smoothing of its mask
  bool is_mud;
};
constexpr BySize<Spatter> kSpatter = {{{.62, .1, .7, .7, .5, false},
                                       {.65, .1, .8, .7, .5, false},
                                       {.65, .3, 1, .69, .5, false},
                                       {.65, .1, .7, .69, .6, true},
                                       {.65, .1, .5, .68, .6, true}},
                                      {{.62, .1, .7, .7, .6, false},
                                       {.65, .1, .8, .7, .6, false},
                                       {.65, .3, 1, .69, .6, false},
                                       {.65, .1, .7, .68, .6, true},
                                       {.65, .1, .5, .67, .6, true}},
                                      {{.65, .3, 4, .69, .6, false},
                                       {.65, .3, 3, .68, .6, false},
                                       {.65, .3, 2, .68, .5, false},
                                       {.65, .3, 1, .65, 1.5, true},
                                       {.67, .4, 1, .65, 1.5, true}}};

constexpr double kWater[] = {175 / 255.0, 238 / 255.0, 238 / 255.0}, kMud[] = {63 / 255.0, 42 / 255.0, 20 / 255.0};

// Colour of a channel; a grey image takes the colour's grey.
double channel_of(const double (&rgb)[3], int channel, int channels) {
  return channels == 3 ? rgb[channel] : 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
}

// The shading of water in [0, strength].
std::vector<double> water(const std::vector<double>& liquid, const ByteImage& like, double strength) {
  Plane plane{like.height, like.width, {}};
  // Values above 1 wrap around, as the published conversion to 8 bits lets them.
  for (const double v : liquid) plane.pixels.push_back(static_cast<std::uint8_t>(static_cast<int>(v * 255) & 255));
  const Plane relief = drop_relief(plane);
  std::vector<double> weight;
  for (std::size_t p = 0; p < liquid.size(); ++p) weight.push_back(plane.pixels[p] * relief.pixels[p]);
  const double largest = *std::max_element(weight.begin(), weight.end());
  for (double& m : weight) m = largest > 0 ? m / largest * strength : 0;
  return weight;
}

std::vector<double> mud(const std::vector<double>& liquid, const ByteImage& like, const Spatter& s) {
  std::vector<double> weight;
  for (const double v : liquid) weight.push_back(v > s.threshold ? 1.0 : 0.0);
  gaussian_smooth(weight, like.height, like.width, 1, s.strength, Edge::nearest);
  for (double& m : weight)
    if (m < 0.8) m = 0;
  return weight;
}

}  // namespace

// Water adds its colour, mud takes the place of the image.
ByteImage spatter(const ByteImage& image, int severity, const ImageRandom& random) {
  const Spatter s = kSpatter.at(image, severity);
  std::vector<double> liquid;
  for (const float n : normals(random, static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width)))
    liquid.push_back(s.mean + s.deviation * static_cast<double>(n));
  gaussian_smooth(liquid, image.height, image.width, 1, s.sigma, Edge::nearest);
  for (double& v : liquid)
    if (v < s.threshold) v = 0;

  const std::vector<double> weight = s.is_mud ? mud(liquid, image, s) : water(liquid, image, s.strength);
  std::vector<double> x = to_unit(image);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const int channel = static_cast<int>(i % static_cast<std::size_t>(image.channels));
    const double m = weight[i / static_cast<std::size_t>(image.channels)];
    x[i] = (s.is_mud ? x[i] * (1 - m) : x[i]) + m * channel_of(s.is_mud ? kMud : kWater, channel, image.channels);
  }
  return from_unit(image, x);
}

}  // namespace kelvin
