// One block an image; every thread computes the image's random shift from Philox itself, which costs less than sharing it.
#include "kernels/arrays/augment.h"
#include "kernels/simt/launch.h"

namespace kelvin {
namespace {

__device__ float pixel(float v) { return v; }
__device__ float pixel(std::uint8_t v) { return static_cast<float>(v) / 255.0f; }

struct ImageShape {
  std::int32_t height, width, channels;
};

template <class T>
__global__ void crop_flip_kernel(float* out, const T* images, const std::int32_t* indices, ImageShape s,
                                 AugmentOptions o) {
  const std::int64_t size = static_cast<std::int64_t>(s.height) * s.width * s.channels;
  const T* const source = images + indices[blockIdx.x] * size;
  float* const to = out + blockIdx.x * size;
  const ImageMove move = draw_move(o, indices[blockIdx.x]);
  for (auto i = static_cast<std::int32_t>(threadIdx.x); i < size; i += static_cast<std::int32_t>(blockDim.x)) {
    const std::int32_t c = i % s.channels, w = i / s.channels % s.width, h = i / s.channels / s.width;
    const auto from_h = static_cast<std::int32_t>(h + move.dh);
    const auto from_w = static_cast<std::int32_t>((move.is_flipped ? s.width - 1 - w : w) + move.dw);
    const bool is_inside = from_h >= 0 && from_h < s.height && from_w >= 0 && from_w < s.width &&
                           !is_cut(o, move, h, w, s.height, s.width);
    to[i] = is_inside ? pixel(source[(from_h * s.width + from_w) * s.channels + c]) : 0.0f;
  }
}

}  // namespace

template <class T>
void crop_flip(const Cuda& cuda, View<float> out, View<const T> images, View<const std::int32_t> indices,
               const AugmentOptions& options) {
  const ImageShape shape = {static_cast<std::int32_t>(images.dim(1)), static_cast<std::int32_t>(images.dim(2)),
                            static_cast<std::int32_t>(images.dim(3))};
  launch(cuda, crop_flip_kernel<T>, {.grid = static_cast<unsigned>(indices.size()), .block = 256}, out.data,
         images.data, indices.data, shape, options);
}

template void crop_flip(const Cuda&, View<float>, View<const float>, View<const std::int32_t>, const AugmentOptions&);
template void crop_flip(const Cuda&, View<float>, View<const std::uint8_t>, View<const std::int32_t>,
                        const AugmentOptions&);

}  // namespace kelvin
