// One thread an output element, neighbouring threads on neighbouring channels. The backward passes gather instead of scatter:
// one thread an element of dx looks at the windows that cover it, so no two threads write to one place and no atomics are needed.
#include "kernels/device/launch.h"
#include "kernels/device/packs.h"
#include "kernels/pooling.h"

namespace kelvin {
namespace {

struct Geometry {
  std::int64_t height, width, channels, out_height, out_width;
  PoolOptions o;
};

Geometry geometry_of(const Shape& x, const PoolOptions& o) {
  const Shape y = pool_output_shape(x, o);
  return {x[1], x[2], x[3], y[1], y[2], o};
}

// Coordinates of element i of a [N, H, W, C] array.
struct Place {
  std::int64_t n, h, w, c;
  __device__ Place(std::int64_t i, std::int64_t height, std::int64_t width, std::int64_t channels)
      : n(i / channels / width / height), h(i / channels / width % height), w(i / channels % width), c(i % channels) {}
};

// The rows and columns of x that window (oh, ow) covers.
struct Window {
  std::int64_t h_begin, h_end, w_begin, w_end;
  __device__ Window(const Geometry& g, std::int64_t oh, std::int64_t ow)
      : h_begin(max(oh * g.o.stride - g.o.pad, std::int64_t{0})),
        h_end(min(oh * g.o.stride - g.o.pad + g.o.kernel, g.height)),
        w_begin(max(ow * g.o.stride - g.o.pad, std::int64_t{0})),
        w_end(min(ow * g.o.stride - g.o.pad + g.o.kernel, g.width)) {}
  __device__ float area() const { return static_cast<float>((h_end - h_begin) * (w_end - w_begin)); }
};

__device__ std::int64_t offset(const Geometry& g, std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
  return ((n * g.height + h) * g.width + w) * g.channels + c;
}

// Offset in x of the first largest element of a window.
template <class T>
__device__ std::int64_t winner_of(const T* x, const Geometry& g, const Window& win, std::int64_t n, std::int64_t c) {
  std::int64_t winner = -1;
  for (std::int64_t h = win.h_begin; h < win.h_end; ++h)
    for (std::int64_t w = win.w_begin; w < win.w_end; ++w) {
      const std::int64_t at = offset(g, n, h, w, c);
      if (winner < 0 || to_float(x[at]) > to_float(x[winner])) winner = at;
    }
  return winner;
}

// f(oh, ow) for every window that covers (h, w), in row-major order.
template <class F>
__device__ void for_covering_windows(const Geometry& g, std::int64_t h, std::int64_t w, const F& f) {
  const std::int64_t top = h + g.o.pad, left = w + g.o.pad;
  const std::int64_t oh_begin = top < g.o.kernel ? 0 : (top - g.o.kernel) / g.o.stride + 1;
  const std::int64_t ow_begin = left < g.o.kernel ? 0 : (left - g.o.kernel) / g.o.stride + 1;
  for (std::int64_t oh = oh_begin; oh <= min(top / g.o.stride, g.out_height - 1); ++oh)
    for (std::int64_t ow = ow_begin; ow <= min(left / g.o.stride, g.out_width - 1); ++ow) f(oh, ow);
}

template <class T>
struct MaxForward {
  T* y;
  const T* x;
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const Place p(i, g.out_height, g.out_width, g.channels);
    y[i] = x[winner_of(x, g, Window(g, p.h, p.w), p.n, p.c)];
  }
};

template <class T>
struct MaxBackward {
  T* dx;
  const T *dy, *x;
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const Place p(i, g.height, g.width, g.channels);
    float sum = 0;
    for_covering_windows(g, p.h, p.w, [&](std::int64_t oh, std::int64_t ow) {
      if (winner_of(x, g, Window(g, oh, ow), p.n, p.c) != i) return;
      sum += to_float(dy[((p.n * g.out_height + oh) * g.out_width + ow) * g.channels + p.c]);
    });
    from_float(dx[i], sum);
  }
};

template <class T>
struct AverageForward {
  T* y;
  const T* x;
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const Place p(i, g.out_height, g.out_width, g.channels);
    const Window win(g, p.h, p.w);
    float sum = 0;
    for (std::int64_t h = win.h_begin; h < win.h_end; ++h)
      for (std::int64_t w = win.w_begin; w < win.w_end; ++w) sum += to_float(x[offset(g, p.n, h, w, p.c)]);
    from_float(y[i], sum / win.area());
  }
};

template <class T>
struct AverageBackward {
  T* dx;
  const T* dy;
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const Place p(i, g.height, g.width, g.channels);
    float sum = 0;
    for_covering_windows(g, p.h, p.w, [&](std::int64_t oh, std::int64_t ow) {
      sum += to_float(dy[((p.n * g.out_height + oh) * g.out_width + ow) * g.channels + p.c]) / Window(g, oh, ow).area();
    });
    from_float(dx[i], sum);
  }
};

template <class T>
struct GlobalForward {
  float* y;
  const T* x;
  std::int64_t pixels, channels;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const T* const first = x + i / channels * pixels * channels + i % channels;
    float sum = 0;
    for (std::int64_t p = 0; p < pixels; ++p) sum += to_float(first[p * channels]);
    y[i] = sum / static_cast<float>(pixels);
  }
};

template <class T>
struct GlobalBackward {
  T* dx;
  const float* dy;
  std::int64_t pixels, channels;
  template <int N>
  __device__ void run(std::int64_t i) const {
    from_float(dx[i], dy[i / (pixels * channels) * channels + i % channels] / static_cast<float>(pixels));
  }
};

}  // namespace

template <class T>
void max_pool2d_forward(const Cuda& cuda, View<T> y, View<const T> x, const PoolOptions& o) {
  launch_elements(cuda, y.size(), false, MaxForward<T>{y.data, x.data, geometry_of(x.shape, o)});
}

template <class T>
void max_pool2d_backward(const Cuda& cuda, View<T> dx, View<const T> dy, View<const T> x, const PoolOptions& o) {
  launch_elements(cuda, dx.size(), false, MaxBackward<T>{dx.data, dy.data, x.data, geometry_of(x.shape, o)});
}

template <class T>
void avg_pool2d_forward(const Cuda& cuda, View<T> y, View<const T> x, const PoolOptions& o) {
  launch_elements(cuda, y.size(), false, AverageForward<T>{y.data, x.data, geometry_of(x.shape, o)});
}

template <class T>
void avg_pool2d_backward(const Cuda& cuda, View<T> dx, View<const T> dy, const PoolOptions& o) {
  launch_elements(cuda, dx.size(), false, AverageBackward<T>{dx.data, dy.data, geometry_of(dx.shape, o)});
}

template <class T>
void global_avg_pool_forward(const Cuda& cuda, View<float> y, View<const T> x) {
  launch_elements(cuda, y.size(), false, GlobalForward<T>{y.data, x.data, x.dim(1) * x.dim(2), x.dim(3)});
}

template <class T>
void global_avg_pool_backward(const Cuda& cuda, View<T> dx, View<const float> dy) {
  launch_elements(cuda, dx.size(), false, GlobalBackward<T>{dx.data, dy.data, dx.dim(1) * dx.dim(2), dx.dim(3)});
}

#define KELVIN_INSTANTIATE(T)                                                                                \
  template void max_pool2d_forward(const Cuda&, View<T>, View<const T>, const PoolOptions&);                 \
  template void max_pool2d_backward(const Cuda&, View<T>, View<const T>, View<const T>, const PoolOptions&); \
  template void avg_pool2d_forward(const Cuda&, View<T>, View<const T>, const PoolOptions&);                 \
  template void avg_pool2d_backward(const Cuda&, View<T>, View<const T>, const PoolOptions&);                \
  template void global_avg_pool_forward(const Cuda&, View<float>, View<const T>);                            \
  template void global_avg_pool_backward(const Cuda&, View<T>, View<const float>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(bfloat16);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
