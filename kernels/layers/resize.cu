// One thread an element of the result. Forward reads four neighbouring pixels, which are in the cache. Backward gathers the elements of dy that
// depend on its pixel, (2 out/in)² of them: 196 from 32 to 224 pixels, each read by four threads.
#include "kernels/layers/resize.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

// Element i of a tensor [N, rows, cols, channels].
struct PixelPlace {
  std::int64_t image;
  std::int32_t h, w, c;
};
__device__ PixelPlace place_of(std::int64_t i, std::int32_t rows, std::int32_t cols, std::int32_t channels) {
  const std::int64_t pixel = i / channels, line = pixel / cols;
  return {line / rows, static_cast<std::int32_t>(line % rows), static_cast<std::int32_t>(pixel % cols),
          static_cast<std::int32_t>(i % channels)};
}

struct ResizeForward {
  float* y;
  const float* x;
  Resampling rows, cols;
  std::int32_t channels;
  template <int N>
  __device__ void run(std::int64_t first) const {
    for (std::int64_t i = first; i < first + N; ++i) {
      const PixelPlace to = place_of(i, rows.out, cols.out, channels);
      const Resampling::Tap down = rows.at(to.h), across = cols.at(to.w);
      const float* const image = x + to.image * rows.in * cols.in * channels + to.c;
      const auto pixel = [&](std::int32_t h, std::int32_t w) {
        return image[(static_cast<std::int64_t>(h) * cols.in + w) * channels];
      };
      y[i] = (1 - down.share) * ((1 - across.share) * pixel(down.first, across.first) +
                                 across.share * pixel(down.first, across.second)) +
             down.share * ((1 - across.share) * pixel(down.second, across.first) +
                           across.share * pixel(down.second, across.second));
    }
  }
};

struct ResizeBackward {
  float* dx;
  const float* dy;
  Resampling rows, cols;
  std::int32_t channels;
  template <int N>
  __device__ void run(std::int64_t first) const {
    for (std::int64_t i = first; i < first + N; ++i) {
      const PixelPlace at = place_of(i, rows.in, cols.in, channels);
      const float* const image = dy + at.image * rows.out * cols.out * channels + at.c;
      float sum = 0;
      for (std::int32_t oh = rows.begin(at.h); oh < rows.end(at.h); ++oh) {
        const float down = rows.weight(oh, at.h);
        float part = 0;
        for (std::int32_t ow = cols.begin(at.w); ow < cols.end(at.w); ++ow)
          part += cols.weight(ow, at.w) * image[(static_cast<std::int64_t>(oh) * cols.out + ow) * channels];
        sum += down * part;
      }
      dx[i] = sum;
    }
  }
};

}  // namespace

void resize_bilinear_forward(const Cuda& cuda, View<float> y, View<const float> x) {
  launch_elements(cuda, y.size(), false,
                  ResizeForward{y.data, x.data, resampling(x.dim(1), y.dim(1)), resampling(x.dim(2), y.dim(2)),
                                static_cast<std::int32_t>(x.dim(3))});
}

void resize_bilinear_backward(const Cuda& cuda, View<float> dx, View<const float> dy) {
  launch_elements(cuda, dx.size(), false,
                  ResizeBackward{dx.data, dy.data, resampling(dx.dim(1), dy.dim(1)), resampling(dx.dim(2), dy.dim(2)),
                                 static_cast<std::int32_t>(dx.dim(3))});
}

}  // namespace kelvin
