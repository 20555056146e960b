// A camera that moves: sideways (motion) and forwards (zoom).
#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/corruptions/corruption.h"

namespace kelvin {
namespace {

struct Motion {
  int radius;
  double sigma;
};
constexpr Motion kMotion[] = {{6, 1}, {6, 1.5}, {6, 2}, {8, 2}, {9, 2.5}};
constexpr int kZoomFactors[] = {7, 12, 16, 21, 26};  // 1.00, 1.01, ...

// Where an output sample of an enlarged axis comes from: the middle `crop` samples spread over `size` with corners aligned.
struct Axis {
  int top, crop, size, skip;
  Axis(int length, double factor) {
    crop = static_cast<int>(std::ceil(length / factor));
    top = (length - crop) / 2;
    size = static_cast<int>(std::nearbyint(crop * factor));
    skip = (size - length) / 2;
  }
  [[nodiscard]] double source(int i) const {
    return size > 1 ? static_cast<double>(i + skip) * (crop - 1) / (size - 1) : 0.0;
  }
};

}  // namespace

// One-sided Gaussian trail in a direction up to 45° from horizontal, whole-pixel offsets, replicated edges; rounded to 8 bits (the
// published files went through ImageMagick, which rounds).
ByteImage motion_blur(const ByteImage& image, int severity, const ImageRandom& random) {
  const Motion m = kMotion[severity];
  const double angle = (static_cast<double>(uniform01(random.bits(0)[0])) - 0.5) * std::numbers::pi / 2;
  const int width = 2 * m.radius + 1;
  std::vector<double> sum(image.pixels.size(), 0.0);
  double total = 0;
  for (int i = 0; i < width; ++i) total += std::exp(-i * i / (2 * m.sigma * m.sigma));
  for (int i = 0; i < width; ++i) {
    const double tap = std::exp(-i * i / (2 * m.sigma * m.sigma)) / total;
    const int dx = static_cast<int>(std::ceil(i * std::cos(angle) - 0.5));
    const int dy = static_cast<int>(std::ceil(i * std::sin(angle) - 0.5));
    for (int h = 0; h < image.height; ++h)
      for (int w = 0; w < image.width; ++w) {
        const int from = std::clamp(h + dy, 0, image.height - 1) * image.width + std::clamp(w + dx, 0, image.width - 1);
        for (int c = 0; c < image.channels; ++c)
          sum[static_cast<std::size_t>((h * image.width + w) * image.channels + c)] +=
              tap * image.pixels[static_cast<std::size_t>(from * image.channels + c)];
      }
  }
  ByteImage out = image;
  std::transform(sum.begin(), sum.end(), out.pixels.begin(),
                 [](double v) { return static_cast<std::uint8_t>(std::clamp(std::floor(v + 0.5), 0.0, 255.0)); });
  return out;
}

// The mean of the image and its enlargements, of which the first is the image again. In float, as published.
ByteImage zoom_blur(const ByteImage& image, int severity, const ImageRandom&) {
  const int height = image.height, width = image.width, channels = image.channels;
  std::vector<float> x(image.pixels.size());
  std::transform(image.pixels.begin(), image.pixels.end(), x.begin(),
                 [](std::uint8_t v) { return static_cast<float>(v / 255.0); });
  std::vector<float> sum = x;
  const double step = 1.01 - 1.0;  // the factors round as in a range that counts from 1 in steps of 0.01
  for (int f = 0; f < kZoomFactors[severity]; ++f) {
    const Axis rows(height, 1 + f * step), cols(width, 1 + f * step);
    for (int h = 0; h < height; ++h)
      for (int w = 0; w < width; ++w) {
        const double y = rows.source(h), z = cols.source(w);
        const int y0 = std::min(static_cast<int>(y), rows.crop - 1), z0 = std::min(static_cast<int>(z), cols.crop - 1);
        const int y1 = std::min(y0 + 1, rows.crop - 1), z1 = std::min(z0 + 1, cols.crop - 1);
        for (int c = 0; c < channels; ++c) {
          const auto at = [&](int r, int q) {
            return static_cast<double>(
                x[static_cast<std::size_t>(((r + rows.top) * width + q + cols.top) * channels + c)]);
          };
          const double above = at(y0, z0) + (z - z0) * (at(y0, z1) - at(y0, z0));
          const double below = at(y1, z0) + (z - z0) * (at(y1, z1) - at(y1, z0));
          sum[static_cast<std::size_t>((h * width + w) * channels + c)] +=
              static_cast<float>(above + (y - y0) * (below - above));
        }
      }
  }
  std::vector<double> mean(sum.size());
  const auto count = static_cast<float>(kZoomFactors[severity] + 1);
  std::transform(sum.begin(), sum.end(), mean.begin(), [count](float v) { return static_cast<double>(v / count); });
  return from_unit(image, mean);
}

}  // namespace kelvin
