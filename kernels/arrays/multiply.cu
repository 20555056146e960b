// Memory-bound: one read, one write.
#include <cmath>

#include "kernels/arrays/multiply.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

struct Multiply {
  static constexpr int kPack = pack_of<float>;
  float* y;
  const float *x, *factor;  // factor: [1]
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> v = load<N>(x + i);
    for (int k = 0; k < N; ++k) v[k] *= factor[0];
    store<N>(y + i, v);
  }
};

struct Exponential {
  static constexpr int kPack = pack_of<float>;
  float* y;
  const float* x;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> v = load<N>(x + i);
    for (int k = 0; k < N; ++k) v[k] = expf(v[k]);
    store<N>(y + i, v);
  }
};

}  // namespace

void multiply(const Cuda& cuda, View<float> y, View<const float> x, View<const float> factor) {
  launch_elements(cuda, y.size(), can_use_packs(y, x), Multiply{y.data, x.data, factor.data});
}

void exponential(const Cuda& cuda, View<float> y, View<const float> x) {
  launch_elements(cuda, y.size(), can_use_packs(y, x), Exponential{y.data, x.data});
}

}  // namespace kelvin
