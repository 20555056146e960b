// Reads average and x, writes average: three streams over the parameters, one launch a step.
#include "kernels/optimizers/ema_step.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

struct EmaStep {
  static constexpr int kPack = pack_of<float>;
  float* average;
  const float* x;
  float share;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> a = load<N>(average + i);
    const Pack<N> now = load<N>(x + i);
    for (int k = 0; k < N; ++k) a[k] += share * (now[k] - a[k]);
    store<N>(average + i, a);
  }
};

}  // namespace

void ema_step(const Cuda& cuda, View<float> average, View<const float> x, float decay) {
  launch_elements(cuda, average.size(), can_use_packs(average, x), EmaStep{average.data, x.data, 1.0f - decay});
}

}  // namespace kelvin
