#include "data/corruptions/frost_texture.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numbers>
#include <string>

#include "kernels/device/philox.h"

namespace kelvin {
namespace {

constexpr int kWidths[] = {900, 560, 560, 527, 660}, kHeights[] = {600, 315, 315, 350, 495};
constexpr double kThin[] = {52, 66, 92}, kThick[] = {226, 238, 248};  // RGB without ice and under much of it

double fade(double t) { return t * t * (3 - 2 * t); }

// Value noise in [0, 1).
double noise(RandomKey key, double x, double y) {
  const double x0 = std::floor(x), y0 = std::floor(y), fx = fade(x - x0), fy = fade(y - y0);
  const auto value = [&](double i, double j) {
    constexpr double kOffset = 1 << 20;  // coordinates stay positive
    const auto counter = static_cast<std::uint64_t>(j + kOffset) << 32 |
                         static_cast<std::uint64_t>(static_cast<std::int64_t>(i + kOffset));
    return philox(key, counter)[0] * 0x1p-32;
  };
  const double above = value(x0, y0) + fx * (value(x0 + 1, y0) - value(x0, y0));
  const double below = value(x0, y0 + 1) + fx * (value(x0 + 1, y0 + 1) - value(x0, y0 + 1));
  return above + fy * (below - above);
}

// How much ice lies at a point of texture `number`, in [0, 1]; coordinates in pixels of the full size.
double ice(int number, double x, double y) {
  const auto key = [number](int layer) {
    return RandomKey{static_cast<std::uint64_t>(number), random_stream("frost/" + std::to_string(layer))};
  };
  const double bend = 40 * (noise(key(0), x / 90, y / 90) - 0.5);
  double needles = 0;
  for (int k = 0; k < 3; ++k) {
    const double turn = (60 * k + 25 * number) * std::numbers::pi / 180;
    const double along = x * std::cos(turn) + y * std::sin(turn),
                 across = -x * std::sin(turn) + y * std::cos(turn) + bend;
    const double ridge = 1 - std::abs(2 * noise(key(1 + k), along / 110, across / 14) - 1);
    needles = std::max(needles, ridge * ridge * ridge);
  }
  const double thick = 0.65 * noise(key(4), x / 130, y / 130) + 0.35 * noise(key(5), x / 24, y / 24);
  return std::clamp(0.75 * thick * (0.45 + needles) + 0.3 * needles * thick, 0.0, 1.0);
}

FrostTexture make(int number, double scale) {
  FrostTexture t{static_cast<int>(std::nearbyint(kHeights[number] * scale)),
                 static_cast<int>(std::nearbyint(kWidths[number] * scale)),
                 {}};
  for (int h = 0; h < t.height; ++h)
    for (int w = 0; w < t.width; ++w) {
      const double v = ice(number, (w + 0.5) / scale, (h + 0.5) / scale);
      for (int c = 0; c < 3; ++c) t.pixels.push_back(static_cast<std::uint8_t>(kThin[c] + v * (kThick[c] - kThin[c])));
    }
  return t;
}

}  // namespace

const FrostTexture& frost_texture(int number, double scale) {
  static std::mutex mutex;
  static std::map<std::pair<int, double>, FrostTexture> made;  // nodes never move
  const std::lock_guard lock(mutex);
  const auto [at, is_new] = made.try_emplace({number, scale});
  if (is_new) at->second = make(number, scale);
  return at->second;
}

}  // namespace kelvin
