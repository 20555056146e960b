// One thread 16 bytes of the output, or an element where the channels do not fill them; neighbouring threads on neighbouring channels.
// The backward passes gather instead of scatter: one thread looks at the windows that cover its elements of dx, so no two threads
// write to one place and no atomics are needed.
#include <cmath>

#include "kernels/layers/pooling.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/mask_bits.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

// The size of the images of an [N, H, W, C] array.
struct Images {
  std::int64_t height, width, channels;
  explicit Images(const Shape& s) : height(s[1]), width(s[2]), channels(s[3]) {}
  __device__ std::int64_t offset(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) const {
    return ((n * height + h) * width + w) * channels + c;
  }
};

struct Geometry {
  Images x, y;
  PoolOptions o;
  Geometry(const Shape& x_shape, const PoolOptions& options)
      : x(x_shape), y(pool_output_shape(x_shape, options)), o(options) {}
  __device__ PoolWindow window(std::int64_t oh, std::int64_t ow) const {
    return pool_window(x.height, x.width, o, oh, ow);
  }
};

// Coordinates of element i of an [N, H, W, C] array.
struct Place {
  std::int64_t n, h, w, c;
  __device__ Place(std::int64_t i, const Images& s)
      : n(i / s.channels / s.width / s.height),
        h(i / s.channels / s.width % s.height),
        w(i / s.channels % s.width),
        c(i % s.channels) {}
};

// The first largest element of a window in each of N channels (or its last NaN). Bit k of `is_here`: that of channel k is at offset `at` of x.
template <int N>
struct Largest {
  Pack<N> value;
  unsigned is_here = 0;
  template <class T>
  __device__ Largest(const T* x, const Images& images, const PoolWindow& win, std::int64_t n, std::int64_t c,
                     std::int64_t at) {
    bool is_first = true;
    for (std::int64_t h = win.h_begin; h < win.h_end; ++h)
      for (std::int64_t w = win.w_begin; w < win.w_end; ++w) {
        const std::int64_t from = images.offset(n, h, w, c);
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

// The mean of a window, channel by channel.
template <int N, class T>
__device__ Pack<N> mean(const T* x, const Images& images, const PoolWindow& win, std::int64_t n, std::int64_t c) {
  Pack<N> sum = {};
  for (std::int64_t h = win.h_begin; h < win.h_end; ++h)
    for (std::int64_t w = win.w_begin; w < win.w_end; ++w) {
      const Pack<N> values = load<N>(x + images.offset(n, h, w, c));
      for (int k = 0; k < N; ++k) sum[k] += values[k];
    }
  for (int k = 0; k < N; ++k) sum[k] /= win.area();
  return sum;
}

// f(oh, ow) for every window that covers (h, w), in row-major order. Rows and columns of one image fit in 32 bits, which halves the registers
// they stay in while f runs.
template <class F>
__device__ void for_covering_windows(const Geometry& g, std::int64_t h, std::int64_t w, const F& f) {
  const int kernel = static_cast<int>(g.o.kernel), stride = static_cast<int>(g.o.stride);
  const int top = static_cast<int>(h + g.o.pad), left = static_cast<int>(w + g.o.pad);
  const int oh_begin = top < kernel ? 0 : (top - kernel) / stride + 1;
  const int ow_begin = left < kernel ? 0 : (left - kernel) / stride + 1;
  const int oh_end = min(top / stride + 1, static_cast<int>(g.y.height));
  const int ow_end = min(left / stride + 1, static_cast<int>(g.y.width));
  for (int oh = oh_begin; oh < oh_end; ++oh)
    for (int ow = ow_begin; ow < ow_end; ++ow) f(oh, ow);
}

enum class Pool { max, average };

template <class T, Pool kind>
struct PoolForward {
  static constexpr int kPack = pack_of<T>;
  T* y;
  const T* x;
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const Place p(i, g.y);
    const PoolWindow win = g.window(p.h, p.w);
    if constexpr (kind == Pool::max)
      store<N>(y + i, Largest<N>(x, g.x, win, p.n, p.c, /*at=*/-1).value);
    else
      store<N>(y + i, mean<N>(x, g.x, win, p.n, p.c));
  }
};

template <class T, Pool kind>
struct PoolBackward {
  static constexpr int kPack = pack_of<T>;
  T* dx;
  const T *dy, *x;  // x: only for the maximum
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const Place p(i, g.x);
    Pack<N> sum = {};
    for_covering_windows(g, p.h, p.w, [&](std::int64_t oh, std::int64_t ow) {
      const PoolWindow win = g.window(oh, ow);
      const T* const gradient = dy + g.y.offset(p.n, oh, ow, p.c);
      Pack<N> share;
      if constexpr (kind == Pool::max) {
        const unsigned wins = Largest<N>(x, g.x, win, p.n, p.c, i).is_here;
        if (wins == 0) return;
        share = where_bits<N>(wins, load<N>(gradient));
      } else {
        share = load<N>(gradient);
        for (int k = 0; k < N; ++k) share[k] /= win.area();
      }
      for (int k = 0; k < N; ++k) sum[k] += share[k];
    });
    store<N>(dx + i, sum);
  }
};

template <class T>
struct GlobalForward {
  static constexpr int kPack = pack_of<T>;
  float* y;
  const T* x;
  Images row;  // one image as a single row of all its pixels, which one window covers
  template <int N>
  __device__ void run(std::int64_t i) const {
    store<N>(y + i, mean<N>(x, row, {0, 1, 0, row.width}, i / row.channels, i % row.channels));
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
  launch_elements(cuda, y.size(), in_packs<T>(x.dim(3), y, x), PoolForward<T, Pool::max>{y.data, x.data, {x.shape, o}});
}

template <class T>
void max_pool2d_backward(const Cuda& cuda, View<T> dx, View<const T> dy, View<const T> x, const PoolOptions& o) {
  launch_elements(cuda, dx.size(), in_packs<T>(x.dim(3), dx, dy, x),
                  PoolBackward<T, Pool::max>{dx.data, dy.data, x.data, {x.shape, o}});
}

template <class T>
void avg_pool2d_forward(const Cuda& cuda, View<T> y, View<const T> x, const PoolOptions& o) {
  launch_elements(cuda, y.size(), in_packs<T>(x.dim(3), y, x),
                  PoolForward<T, Pool::average>{y.data, x.data, {x.shape, o}});
}

template <class T>
void avg_pool2d_backward(const Cuda& cuda, View<T> dx, View<const T> dy, const PoolOptions& o) {
  launch_elements(cuda, dx.size(), in_packs<T>(dx.dim(3), dx, dy),
                  PoolBackward<T, Pool::average>{dx.data, dy.data, nullptr, {dx.shape, o}});
}

template <class T>
void global_avg_pool_forward(const Cuda& cuda, View<float> y, View<const T> x) {
  launch_elements(cuda, y.size(), in_packs<T>(x.dim(3), y, x),
                  GlobalForward<T>{y.data, x.data, Images({x.dim(0), 1, x.dim(1) * x.dim(2), x.dim(3)})});
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
