// Reads w, v, g and writes w, v: five streams over the parameters, one launch a step.
#include "kernels/optimizers/sgd_step.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

struct SgdStep {
  static constexpr int kPack = pack_of<float>;
  float *w, *v;
  const float *g, *lr;  // lr [1]
  SgdOptions o;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const float rate = lr[0] * o.lr_scale;
    Pack<N> weight = load<N>(w + i), velocity = load<N>(v + i);
    const Pack<N> gradient = load<N>(g + i);
    for (int k = 0; k < N; ++k) {
      const float total = gradient[k] + o.weight_decay * weight[k];
      velocity[k] = o.momentum * velocity[k] + total;
      weight[k] -= rate * (o.nesterov ? total + o.momentum * velocity[k] : velocity[k]);
    }
    store<N>(v + i, velocity);
    store<N>(w + i, weight);
  }
};

}  // namespace

void sgd_step(const Cuda& cuda, View<float> w, View<float> v, View<const float> g, View<const float> lr,
              const SgdOptions& options) {
  launch_elements(cuda, w.size(), can_use_packs(w, v, g), SgdStep{w.data, v.data, g.data, lr.data, options});
}

}  // namespace kelvin
