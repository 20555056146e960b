// Gathers a batch from a set of images and, if asked, augments it the CIFAR way: zero padding by `pad` pixels, a random crop
// of the original size, a horizontal flip with probability 1/2.
//
// Shift and flip of an image depend on (key, epoch, its index in the set) only: the same for any batch size, thread count and
// restart. uint8 pixels become float32 in [0, 1] (divided by 255); float32 pixels are copied.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/philox.h"
#include "kernels/device/view.h"

namespace kelvin {

struct AugmentOptions {
  bool enabled = false;
  std::int64_t pad = 4;
  RandomKey key;
  std::uint32_t epoch = 0;
};

// Source pixel of output (h, w): (h + dh, w' + dw), w' = w or, flipped, its mirror image; zero outside the image.
struct ImageMove {
  std::int64_t dh = 0, dw = 0;
  bool is_flipped = false;
};
[[nodiscard]] constexpr ImageMove draw_move(const AugmentOptions& o, std::int32_t image_index) {
  if (!o.enabled) return {};
  const std::uint64_t counter = static_cast<std::uint64_t>(o.epoch) << 32 | static_cast<std::uint32_t>(image_index);
  const auto bits = philox(o.key, counter);
  const auto shifts = static_cast<std::uint32_t>(2 * o.pad + 1);
  return {uniform_below(bits[0], shifts) - o.pad, uniform_below(bits[1], shifts) - o.pad, (bits[2] & 1u) != 0};
}

// out [N, H, W, C]; images [M, H, W, C] of uint8 or float; indices [N] into images.
template <class T>
void crop_flip(Cpu, View<float> out, View<const T> images, View<const std::int32_t> indices,
               const AugmentOptions& options);
template <class T>
void crop_flip(const Cuda&, View<float> out, View<const T> images, View<const std::int32_t> indices,
               const AugmentOptions& options);

}  // namespace kelvin
