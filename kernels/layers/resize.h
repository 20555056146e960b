// Images resampled to another size, as torch.nn.functional.interpolate(mode="bilinear", align_corners=False, antialias=False):
//   s = max(0, (o + ½) · in/out − ½),   i₀ = ⌊s⌋,   i₁ = min(i₀ + 1, in − 1),   λ = s − i₀
//   y[o] = (1 − λ) x[i₀] + λ x[i₁]          in height and width
// Without antialiasing, because upscaling needs none; shrinking by more than two skips pixels, in PyTorch as here.
// Backward is the transpose, gathered: dx[i] = Σ over the outputs o that read pixel i, in a fixed order, so it is deterministic.
//
// x, dx: float32 [N, H, W, C]; y, dy: float32 [N, H', W', C]. Outputs are overwritten and do not overlap the inputs.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

void resize_bilinear_forward(Cpu, View<float> y, View<const float> x);
void resize_bilinear_forward(const Cuda&, View<float> y, View<const float> x);

void resize_bilinear_backward(Cpu, View<float> dx, View<const float> dy);
void resize_bilinear_backward(const Cuda&, View<float> dx, View<const float> dy);

// One direction, shared by both devices; float32 arithmetic in PyTorch's order.
struct Resampling {
  std::int32_t in, out;
  float scale;  // in / out

  struct Tap {
    std::int32_t first, second;
    float share;  // λ, of the second
  };
  [[nodiscard]] constexpr Tap at(std::int32_t o) const {
    const float s = scale * (static_cast<float>(o) + 0.5f) - 0.5f;
    const float source = s > 0.0f ? s : 0.0f;
    const auto floor = static_cast<std::int32_t>(source);
    const std::int32_t first = floor < in - 1 ? floor : in - 1;
    const std::int32_t second = first < in - 1 ? first + 1 : first;
    const float share = source - static_cast<float>(first);
    return {first, second, share > 1.0f ? 1.0f : share};
  }
  // The weight of input i in output o.
  [[nodiscard]] constexpr float weight(std::int32_t o, std::int32_t i) const {
    const Tap tap = at(o);
    return (tap.first == i ? 1.0f - tap.share : 0.0f) + (tap.second == i ? tap.share : 0.0f);
  }
  // Outputs that may read input i: [begin(i), end(i)), one more on either side than exact arithmetic needs.
  [[nodiscard]] constexpr std::int32_t begin(std::int32_t i) const {
    const auto o = static_cast<std::int32_t>((static_cast<float>(i) - 0.5f) / scale - 0.5f) - 1;
    return i == 0 || o < 0 ? 0 : o;
  }
  [[nodiscard]] constexpr std::int32_t end(std::int32_t i) const {
    const auto o = static_cast<std::int32_t>((static_cast<float>(i) + 1.5f) / scale - 0.5f) + 2;
    return i == in - 1 || o > out ? out : o;
  }
};
[[nodiscard]] constexpr Resampling resampling(std::int64_t in, std::int64_t out) {
  return {static_cast<std::int32_t>(in), static_cast<std::int32_t>(out),
          static_cast<float>(in) / static_cast<float>(out)};
}

}  // namespace kelvin
