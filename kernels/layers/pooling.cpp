#include "kernels/layers/pooling.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

// f(offset into x) for every pixel of the window of image n, in row-major order.
template <class F>
void for_window(const PoolWindow& win, const Shape& x, std::int64_t n, const F& f) {
  for (std::int64_t h = win.h_begin; h < win.h_end; ++h)
    for (std::int64_t w = win.w_begin; w < win.w_end; ++w) f(((n * x[1] + h) * x[2] + w) * x[3]);
}

// f(image, window, offset into y) for every output pixel; one image belongs to one thread, so windows may overlap.
template <class F>
void for_output_pixels(const Shape& x, const Shape& y, const PoolOptions& o, const F& f) {
  parallel_for(
      x[0],
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n)
          for (std::int64_t oh = 0; oh < y[1]; ++oh)
            for (std::int64_t ow = 0; ow < y[2]; ++ow)
              f(n, pool_window(x[1], x[2], o, oh, ow), ((n * y[1] + oh) * y[2] + ow) * y[3]);
      },
      /*cost=*/8 * x[1] * x[2] * x[3]);
}

// Whether a later element of a window is its maximum instead of the best before it. A NaN always is.
bool takes_over(float candidate, float best) { return candidate > best || std::isnan(candidate); }

template <class T>
void zero(View<T> x) {
  std::fill_n(x.data, x.size(), T(0.0f));
}

}  // namespace

Shape pool_output_shape(const Shape& x, const PoolOptions& o) {
  return {x[0], (x[1] + 2 * o.pad - o.kernel) / o.stride + 1, (x[2] + 2 * o.pad - o.kernel) / o.stride + 1, x[3]};
}

template <class T>
void max_pool2d_forward(Cpu, View<T> y, View<const T> x, const PoolOptions& options) {
  const std::int64_t channels = x.dim(3);
  for_output_pixels(x.shape, y.shape, options, [&](std::int64_t n, const PoolWindow& win, std::int64_t at) {
    bool is_first = true;
    for_window(win, x.shape, n, [&](std::int64_t from) {
      for (std::int64_t c = 0; c < channels; ++c)
        if (is_first || takes_over(static_cast<float>(x[from + c]), static_cast<float>(y[at + c])))
          y[at + c] = x[from + c];
      is_first = false;
    });
  });
}

template <class T>
void max_pool2d_backward(Cpu, View<T> dx, View<const T> dy, View<const T> x, const PoolOptions& options) {
  const std::int64_t channels = x.dim(3);
  zero(dx);
  for_output_pixels(x.shape, dy.shape, options, [&](std::int64_t n, const PoolWindow& win, std::int64_t at) {
    for (std::int64_t c = 0; c < channels; ++c) {
      std::int64_t winner = -1;
      for_window(win, x.shape, n, [&](std::int64_t from) {
        if (winner < 0 || takes_over(static_cast<float>(x[from + c]), static_cast<float>(x[winner]))) winner = from + c;
      });
      dx[winner] = T(static_cast<float>(dx[winner]) + static_cast<float>(dy[at + c]));
    }
  });
}

template <class T>
void avg_pool2d_forward(Cpu, View<T> y, View<const T> x, const PoolOptions& options) {
  const std::int64_t channels = x.dim(3);
  for_output_pixels(x.shape, y.shape, options, [&](std::int64_t n, const PoolWindow& win, std::int64_t at) {
    for (std::int64_t c = 0; c < channels; ++c) {
      float sum = 0;
      for_window(win, x.shape, n, [&](std::int64_t from) { sum += static_cast<float>(x[from + c]); });
      y[at + c] = T(sum / win.area());
    }
  });
}

template <class T>
void avg_pool2d_backward(Cpu, View<T> dx, View<const T> dy, const PoolOptions& options) {
  const std::int64_t channels = dx.dim(3);
  zero(dx);
  for_output_pixels(dx.shape, dy.shape, options, [&](std::int64_t n, const PoolWindow& win, std::int64_t at) {
    for_window(win, dx.shape, n, [&](std::int64_t to) {
      for (std::int64_t c = 0; c < channels; ++c)
        dx[to + c] = T(static_cast<float>(dx[to + c]) + static_cast<float>(dy[at + c]) / win.area());
    });
  });
}

template <class T>
void global_avg_pool_forward(Cpu, View<float> y, View<const T> x) {
  const std::int64_t pixels = x.dim(1) * x.dim(2), channels = x.dim(3);
  parallel_for(
      x.dim(0),
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
          float* const sums = y.data + n * channels;
          std::fill_n(sums, channels, 0.0f);
          for (std::int64_t p = 0; p < pixels; ++p)
            for (std::int64_t c = 0; c < channels; ++c)
              sums[c] += static_cast<float>(x[(n * pixels + p) * channels + c]);
          for (std::int64_t c = 0; c < channels; ++c) sums[c] /= static_cast<float>(pixels);
        }
      },
      /*cost=*/pixels * channels);
}

template <class T>
void global_avg_pool_backward(Cpu, View<T> dx, View<const float> dy) {
  const std::int64_t pixels = dx.dim(1) * dx.dim(2), channels = dx.dim(3);
  parallel_for(
      dx.dim(0),
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n)
          for (std::int64_t p = 0; p < pixels; ++p)
            for (std::int64_t c = 0; c < channels; ++c)
              dx[(n * pixels + p) * channels + c] = T(dy[n * channels + c] / static_cast<float>(pixels));
      },
      /*cost=*/pixels * channels);
}

#define KELVIN_INSTANTIATE(T)                                                                        \
  template void max_pool2d_forward(Cpu, View<T>, View<const T>, const PoolOptions&);                 \
  template void max_pool2d_backward(Cpu, View<T>, View<const T>, View<const T>, const PoolOptions&); \
  template void avg_pool2d_forward(Cpu, View<T>, View<const T>, const PoolOptions&);                 \
  template void avg_pool2d_backward(Cpu, View<T>, View<const T>, const PoolOptions&);                \
  template void global_avg_pool_forward(Cpu, View<float>, View<const T>);                            \
  template void global_avg_pool_backward(Cpu, View<T>, View<const float>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(bfloat16);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
