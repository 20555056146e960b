// Pooling over the two spatial dimensions of x [N, H, W, C].
//
// T: float or bfloat16. Windows lie wholly or partly inside the image; padding never wins a maximum and is not counted in an
// average (PyTorch's count_include_pad = false). Deterministic.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

struct PoolOptions {
  std::int64_t kernel = 2;
  std::int64_t stride = 2;
  std::int64_t pad = 0;  // at most kernel / 2
};

[[nodiscard]] Shape pool_output_shape(const Shape& x, const PoolOptions& options);

// The rows and columns of an image that one window covers. Shared by both devices.
struct PoolWindow {
  std::int64_t h_begin, h_end, w_begin, w_end;
  [[nodiscard]] constexpr float area() const { return static_cast<float>((h_end - h_begin) * (w_end - w_begin)); }
};
[[nodiscard]] constexpr PoolWindow pool_window(std::int64_t height, std::int64_t width, const PoolOptions& o,
                                               std::int64_t oh, std::int64_t ow) {
  const std::int64_t top = oh * o.stride - o.pad, left = ow * o.stride - o.pad;
  const std::int64_t bottom = top + o.kernel, right = left + o.kernel;
  return {top < 0 ? 0 : top, bottom < height ? bottom : height, left < 0 ? 0 : left, right < width ? right : width};
}

// y [N, OH, OW, C] = the largest element of each window, the first one in row-major order where several are equal; the last NaN where there is
// one, as PyTorch has it.
template <class T>
void max_pool2d_forward(Cpu, View<T> y, View<const T> x, const PoolOptions& options);
template <class T>
void max_pool2d_forward(const Cuda&, View<T> y, View<const T> x, const PoolOptions& options);
// dx = dy at the winning elements, 0 elsewhere; overlapping windows add up. Finds the winners again from x.
template <class T>
void max_pool2d_backward(Cpu, View<T> dx, View<const T> dy, View<const T> x, const PoolOptions& options);
template <class T>
void max_pool2d_backward(const Cuda&, View<T> dx, View<const T> dy, View<const T> x, const PoolOptions& options);

// y [N, OH, OW, C] = the mean of each window's elements inside the image.
template <class T>
void avg_pool2d_forward(Cpu, View<T> y, View<const T> x, const PoolOptions& options);
template <class T>
void avg_pool2d_forward(const Cuda&, View<T> y, View<const T> x, const PoolOptions& options);
template <class T>
void avg_pool2d_backward(Cpu, View<T> dx, View<const T> dy, const PoolOptions& options);
template <class T>
void avg_pool2d_backward(const Cuda&, View<T> dx, View<const T> dy, const PoolOptions& options);

// y [N, C] float32 = mean over H and W: the features of a residual network leave bfloat16 here.
template <class T>
void global_avg_pool_forward(Cpu, View<float> y, View<const T> x);
template <class T>
void global_avg_pool_forward(const Cuda&, View<float> y, View<const T> x);
// dx = dy / (H·W)
template <class T>
void global_avg_pool_backward(Cpu, View<T> dx, View<const float> dy);
template <class T>
void global_avg_pool_backward(const Cuda&, View<T> dx, View<const float> dy);

}  // namespace kelvin
