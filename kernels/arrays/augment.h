// Gathers a batch from a set of images and, if asked, augments it as usual for CIFAR: zero padding by `pad` pixels, a random crop
// of the original size, a horizontal flip with probability 1/2; and cutout (DeVries & Taylor 2017, 1708.04552): a square of zeros
// whose centre is uniform over the image, so that it may reach beyond the border.
//
// Shift, flip and square of an image depend on (key, epoch, its index in the set) only: the same for any batch size, thread count and
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
  std::int64_t cutout = 0;  // side of the square; 0: none
  RandomKey key;
  std::uint32_t epoch = 0;
};

// Source pixel of output (h, w): (h + dh, w' + dw), w' = w or, flipped, its mirror image; zero outside the image.
struct ImageMove {
  std::int64_t dh = 0, dw = 0;
  bool is_flipped = false;
  std::uint32_t hole_h = 0, hole_w = 0;  // centre of the cutout, in 1/65536 of height and width
};
[[nodiscard]] constexpr ImageMove draw_move(const AugmentOptions& o, std::int32_t image_index) {
  if (!o.enabled) return {};
  const std::uint64_t counter = static_cast<std::uint64_t>(o.epoch) << 32 | static_cast<std::uint32_t>(image_index);
  const auto bits = philox(o.key, counter);
  const auto shifts = static_cast<std::uint32_t>(2 * o.pad + 1);
  return {uniform_below(bits[0], shifts) - o.pad, uniform_below(bits[1], shifts) - o.pad, (bits[2] & 1u) != 0,
          bits[3] >> 16, bits[3] & 0xffffu};
}

// Whether output (h, w) lies in the cutout of an image of this size.
[[nodiscard]] constexpr bool is_cut(const AugmentOptions& o, const ImageMove& move, std::int64_t h, std::int64_t w,
                                    std::int64_t height, std::int64_t width) {
  if (!o.enabled || o.cutout == 0) return false;
  const std::int64_t top = (move.hole_h * height >> 16) - o.cutout / 2,
                     left = (move.hole_w * width >> 16) - o.cutout / 2;
  return h >= top && h < top + o.cutout && w >= left && w < left + o.cutout;
}

// out [N, H, W, C]; images [M, H, W, C] of uint8 or float; indices [N] into images.
template <class T>
void crop_flip(Cpu, View<float> out, View<const T> images, View<const std::int32_t> indices,
               const AugmentOptions& options);
template <class T>
void crop_flip(const Cuda&, View<float> out, View<const T> images, View<const std::int32_t> indices,
               const AugmentOptions& options);

}  // namespace kelvin
