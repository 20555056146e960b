#include "kernels/augment.h"

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
    for (std::int64_t h = 0; h < height; ++h)
      for (std::int64_t w = 0; w < width; ++w) {
        const std::int64_t from_h = h + move.dh, from_w = (move.is_flipped ? width - 1 - w : w) + move.dw;
        const bool is_inside = from_h >= 0 && from_h < height && from_w >= 0 && from_w < width;
        for (std::int64_t c = 0; c < channels; ++c)
          *to++ = is_inside ? to_float(source[(from_h * width + from_w) * channels + c]) : 0.0f;
      }
  };
  parallel_for(
      indices.size(),
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) gather(i);
      },
      /*grain=*/16);
}

template void crop_flip(Cpu, View<float>, View<const float>, View<const std::int32_t>, const AugmentOptions&);
template void crop_flip(Cpu, View<float>, View<const std::uint8_t>, View<const std::int32_t>, const AugmentOptions&);

}  // namespace kelvin
