#include "apps/explorer/packed.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "apps/report/base64.h"

namespace kelvin {
namespace {

template <class F>
std::string packed_bytes(std::span<const float> values, const F& byte_of) {
  std::vector<std::uint8_t> bytes;
  for (const float v : values) bytes.push_back(static_cast<std::uint8_t>(std::lround(byte_of(v))));
  return base64(bytes);
}

float within_one(float v) { return std::clamp(std::isnan(v) ? 0.0f : v, -1.0f, 1.0f); }

}  // namespace

std::string pack_pixels(std::span<const float> pixels) {
  return packed_bytes(pixels, [](float v) { return 255 * std::max(within_one(v), 0.0f); });
}

std::string pack_signed(std::span<const float> values, float scale) {
  return packed_bytes(values, [=](float v) { return 127 + 127 * within_one(v / scale); });
}

std::string pack_roots(std::span<const float> values, float scale) {
  return packed_bytes(values, [=](float v) {
    const float part = within_one(v / scale);
    return 127 + std::copysign(127 * std::sqrt(std::abs(part)), part);
  });
}

std::string pack_signs(std::span<const std::int8_t> signs) {
  std::vector<std::uint8_t> bytes((signs.size() + 4) / 5, 0);
  for (std::size_t i = signs.size(); i-- > 0;)
    bytes[i / 5] = static_cast<std::uint8_t>(3 * bytes[i / 5] + signs[i] + 1);
  return base64(bytes);
}

}  // namespace kelvin
