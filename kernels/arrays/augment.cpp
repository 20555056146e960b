#include "kernels/arrays/augment.h"

#include <algorithm>

#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

float to_float(float v) { return v; }
float to_float(std::uint8_t v) { return static_cast<float>(v) / 255.0f; }

}  // namespace

template <class T>
void crop_flip(Cpu, View<float> out, View<const T> images, View<const std::int32_t> indices, const AugmentOptions& o) {
  const std::int64_t height = images.dim(1), width = images.dim(2), channels = images.dim(3);
  const std::int64_t size = height * width * channels;
  const auto gather = [&](std::int64_t i) {
    const ImageMove move = draw_move(o, indices[i]);
    const T* const source = images.data + indices[i] * size;
    float* to = out.data + i * size;
    // Output columns whose source column lies inside the image.
    const std::int64_t first = std::clamp<std::int64_t>(move.is_flipped ? move.dw : -move.dw, 0, width);
    const std::int64_t last = std::clamp(width + (move.is_flipped ? move.dw : -move.dw), first, width);
    for (std::int64_t h = 0; h < height; ++h, to += width * channels) {
      const std::int64_t from_h = h + move.dh;
      if (from_h < 0 || from_h >= height) {
        std::fill_n(to, width * channels, 0.0f);
        continue;
      }
      const T* const row = source + from_h * width * channels;
      std::fill_n(to, first * channels, 0.0f);
      std::fill_n(to + last * channels, (width - last) * channels, 0.0f);
      if (!move.is_flipped) {
        const T* const from = row + move.dw * channels;
        for (std::int64_t k = first * channels; k < last * channels; ++k) to[k] = to_float(from[k]);
      } else {
        for (std::int64_t w = first; w < last; ++w)
          for (std::int64_t c = 0; c < channels; ++c)
            to[w * channels + c] = to_float(row[(width - 1 - w + move.dw) * channels + c]);
      }
    }
    if (!o.enabled || o.cutout == 0) return;
    float* const image = out.data + i * size;
    for (std::int64_t h = 0; h < height; ++h)
      for (std::int64_t w = 0; w < width; ++w)
        if (is_cut(o, move, h, w, height, width)) std::fill_n(image + (h * width + w) * channels, channels, 0.0f);
  };
  parallel_for(
      indices.size(),
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) gather(i);
      },
      /*cost=*/8 * size);
}

template void crop_flip(Cpu, View<float>, View<const float>, View<const std::int32_t>, const AugmentOptions&);
template void crop_flip(Cpu, View<float>, View<const std::uint8_t>, View<const std::int32_t>, const AugmentOptions&);

}  // namespace kelvin
