// One thread 16 bytes of the output, or an element where the channels do not fill them; neighbouring threads on neighbouring channels.
// The backward passes gather instead of scatter: one thread looks at the windows that cover its elements of dx, so no two threads
// write to one place and no atomics are needed.
#include <cmath>

#include "kernels/layers/pooling.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

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

__device__ std::int64_t out_offset(const Geometry& g, std::int64_t n, std::int64_t oh, std::int64_t ow,
                                   std::int64_t c) {
  return ((n * g.out_height + oh) * g.out_width + ow) * g.channels + c;
}

// The largest elements of a window (or its last NaN), channel by channel, and which of them are the first such at offset `at` of x (bit k: channel k).
template <int N>
struct Largest {
  Pack<N> value;
  unsigned is_here = 0;
  template <class T>
  __device__ Largest(const T* x, const Geometry& g, const Window& win, std::int64_t n, std::int64_t c,
                     std::int64_t at) {
    bool is_first = true;
    for (std::int64_t h = win.h_begin; h < win.h_end; ++h)
      for (std::int64_t w = win.w_begin; w < win.w_end; ++w) {
        const std::int64_t from = offset(g, n, h, w, c);
        const unsigned here = from == at ? 1u : 0u;
        const Pack<N> candidate = load<N>(x + from);
        for (int k = 0; k < N; ++k)
          if (is_first || candidate[k] > value[k] || std::isnan(candidate[k])) {
            value[k] = candidate[k];
            is_here = (is_here & ~(1u << k)) | here << k;
          }
        is_first = false;
      }
  }
};

// f(oh, ow) for every window that covers (h, w), in row-major order. Rows and columns of one image fit in 32 bits, which halves the registers
// they stay in while f runs.
template <class F>
__device__ void for_covering_windows(const Geometry& g, std::int64_t h, std::int64_t w, const F& f) {
  const int kernel = static_cast<int>(g.o.kernel), stride = static_cast<int>(g.o.stride);
  const int top = static_cast<int>(h + g.o.pad), left = static_cast<int>(w + g.o.pad);
  const int oh_begin = top < kernel ? 0 : (top - kernel) / stride + 1;
  const int ow_begin = left < kernel ? 0 : (left - kernel) / stride + 1;
  const int oh_end = min(top / stride + 1, static_cast<int>(g.out_height));
  const int ow_end = min(left / stride + 1, static_cast<int>(g.out_width));
  for (int oh = oh_begin; oh < oh_end; ++oh)
    for (int ow = ow_begin; ow < ow_end; ++ow) f(oh, ow);
}

template <class T>
struct MaxForward {
  static constexpr int kPack = pack_of<T>;
  T* y;
  const T* x;
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const Place p(i, g.out_height, g.out_width, g.channels);
    store<N>(y + i, Largest<N>(x, g, Window(g, p.h, p.w), p.n, p.c, /*at=*/-1).value);
  }
};

template <class T>
struct MaxBackward {
  static constexpr int kPack = pack_of<T>;
  T* dx;
  const T *dy, *x;
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const Place p(i, g.height, g.width, g.channels);
    Pack<N> sum = {};
    for_covering_windows(g, p.h, p.w, [&](std::int64_t oh, std::int64_t ow) {
      const unsigned wins = Largest<N>(x, g, Window(g, oh, ow), p.n, p.c, i).is_here;
      if (wins == 0) return;
      const Pack<N> gradient = load<N>(dy + out_offset(g, p.n, oh, ow, p.c));
      for (int k = 0; k < N; ++k) sum[k] += (wins >> k & 1u) != 0 ? gradient[k] : 0.0f;
    });
    store<N>(dx + i, sum);
  }
};

template <class T>
struct AverageForward {
  static constexpr int kPack = pack_of<T>;
  T* y;
  const T* x;
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const Place p(i, g.out_height, g.out_width, g.channels);
    const Window win(g, p.h, p.w);
    Pack<N> sum = {};
    for (std::int64_t h = win.h_begin; h < win.h_end; ++h)
      for (std::int64_t w = win.w_begin; w < win.w_end; ++w) {
        const Pack<N> values = load<N>(x + offset(g, p.n, h, w, p.c));
        for (int k = 0; k < N; ++k) sum[k] += values[k];
      }
    for (int k = 0; k < N; ++k) sum[k] /= win.area();
    store<N>(y + i, sum);
  }
};

template <class T>
struct AverageBackward {
  static constexpr int kPack = pack_of<T>;
  T* dx;
  const T* dy;
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const Place p(i, g.height, g.width, g.channels);
    Pack<N> sum = {};
    for_covering_windows(g, p.h, p.w, [&](std::int64_t oh, std::int64_t ow) {
      const Pack<N> gradient = load<N>(dy + out_offset(g, p.n, oh, ow, p.c));
      const float area = Window(g, oh, ow).area();
      for (int k = 0; k < N; ++k) sum[k] += gradient[k] / area;
    });
    store<N>(dx + i, sum);
  }
};

template <class T>
struct GlobalForward {
  static constexpr int kPack = pack_of<T>;
  float* y;
  const T* x;
  std::int64_t pixels, channels;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const T* const first = x + i / channels * pixels * channels + i % channels;
    Pack<N> sum = {};
    for (std::int64_t p = 0; p < pixels; ++p) {
      const Pack<N> values = load<N>(first + p * channels);
      for (int k = 0; k < N; ++k) sum[k] += values[k];
    }
    for (int k = 0; k < N; ++k) sum[k] /= static_cast<float>(pixels);
    store<N>(y + i, sum);
  }
};

template <class T>
struct GlobalBackward {
  static constexpr int kPack = pack_of<T>;
  T* dx;
  const float* dy;
  std::int64_t pixels, channels;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> gradient = load<N>(dy + i / (pixels * channels) * channels + i % channels);
    for (int k = 0; k < N; ++k) gradient[k] /= static_cast<float>(pixels);
    store<N>(dx + i, gradient);
  }
};

// A pack must not reach into the next pixel.
template <class T, class... Views>
bool in_packs(std::int64_t channels, const Views&... views) {
  return channels % pack_of<T> == 0 && can_use_packs(views...);
}

}  // namespace

template <class T>
void max_pool2d_forward(const Cuda& cuda, View<T> y, View<const T> x, const PoolOptions& o) {
  launch_elements(cuda, y.size(), in_packs<T>(x.dim(3), y, x), MaxForward<T>{y.data, x.data, geometry_of(x.shape, o)});
}

template <class T>
void max_pool2d_backward(const Cuda& cuda, View<T> dx, View<const T> dy, View<const T> x, const PoolOptions& o) {
  launch_elements(cuda, dx.size(), in_packs<T>(x.dim(3), dx, dy, x),
                  MaxBackward<T>{dx.data, dy.data, x.data, geometry_of(x.shape, o)});
}

template <class T>
void avg_pool2d_forward(const Cuda& cuda, View<T> y, View<const T> x, const PoolOptions& o) {
  launch_elements(cuda, y.size(), in_packs<T>(x.dim(3), y, x),
                  AverageForward<T>{y.data, x.data, geometry_of(x.shape, o)});
}

template <class T>
void avg_pool2d_backward(const Cuda& cuda, View<T> dx, View<const T> dy, const PoolOptions& o) {
  launch_elements(cuda, dx.size(), in_packs<T>(dx.dim(3), dx, dy),
                  AverageBackward<T>{dx.data, dy.data, geometry_of(dx.shape, o)});
}

template <class T>
void global_avg_pool_forward(const Cuda& cuda, View<float> y, View<const T> x) {
  launch_elements(cuda, y.size(), in_packs<T>(x.dim(3), y, x),
                  GlobalForward<T>{y.data, x.data, x.dim(1) * x.dim(2), x.dim(3)});
}

template <class T>
void global_avg_pool_backward(const Cuda& cuda, View<T> dx, View<const float> dy) {
  launch_elements(cuda, dx.size(), in_packs<T>(dx.dim(3), dx, dy),
                  GlobalBackward<T>{dx.data, dy.data, dx.dim(1) * dx.dim(2), dx.dim(3)});
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
