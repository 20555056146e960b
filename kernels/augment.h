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

// out [N, H, W, C]; images [M, H, W, C] of uint8 or float; indices [N] into images.
template <class T>
void crop_flip(Cpu, View<float> out, View<const T> images, View<const std::int32_t> indices,
               const AugmentOptions& options);

}  // namespace kelvin
