// Memory-bound. Channels are few (1 or 3), so a thread finds the channel of each value by a remainder.
#include "kernels/device/remainder.h"
#include "kernels/layers/input_normalize.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

template <class T>
struct Normalize {
  static constexpr int kPack = pack_of<T>;
  T* y;
  const float *x, *mean, *std;  // mean, std [channels]
  int channels;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> v = load<N>(x + i);
    for (int k = 0; k < N; ++k) {
      const int c = remainder(i + k, channels);
      v[k] = (v[k] - mean[c]) / std[c];
    }
    store<N>(y + i, v);
  }
};

template <class T>
struct NormalizeBackward {
  static constexpr int kPack = pack_of<T>;
  float* dx;
  const T* dy;
  const float* std;
  int channels;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> g = load<N>(dy + i);
    for (int k = 0; k < N; ++k) g[k] /= std[remainder(i + k, channels)];
    store<N>(dx + i, g);
  }
};

}  // namespace

template <class T>
void input_normalize_forward(const Cuda& cuda, View<T> y, View<const float> x, View<const float> mean,
                             View<const float> std) {
  launch_elements(cuda, y.size(), can_use_packs(y, x),
                  Normalize<T>{y.data, x.data, mean.data, std.data, static_cast<int>(mean.size())});
}

template <class T>
void input_normalize_backward(const Cuda& cuda, View<float> dx, View<const T> dy, View<const float> std) {
  launch_elements(cuda, dx.size(), can_use_packs(dx, dy),
                  NormalizeBackward<T>{dx.data, dy.data, std.data, static_cast<int>(std.size())});
}

template void input_normalize_forward(const Cuda&, View<float>, View<const float>, View<const float>,
                                      View<const float>);
template void input_normalize_forward(const Cuda&, View<bfloat16>, View<const float>, View<const float>,
                                      View<const float>);
template void input_normalize_backward(const Cuda&, View<float>, View<const float>, View<const float>);
template void input_normalize_backward(const Cuda&, View<float>, View<const bfloat16>, View<const float>);

}  // namespace kelvin
