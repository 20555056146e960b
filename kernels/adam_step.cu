// Reads w, m, s, g and writes w, m, s: seven streams over the parameters, one launch a step and one thread before it that works
// out the two bias corrections, in double, from the step number in device memory.
#include <cmath>

#include "kernels/adam_step.h"
#include "kernels/device/launch.h"
#include "kernels/device/packs.h"
#include "kernels/device/pool_block.h"

namespace kelvin {
namespace {

// factors = {η / (1 − β₁ᵗ), sqrt(1 − β₂ᵗ), η λ (AdamW)}
__global__ void adam_factors(float* factors, const float* lr, const float* step, AdamOptions o) {
  const double t = step[0];
  const float rate = lr[0] * o.lr_scale;
  factors[0] = static_cast<float>(rate / (1 - pow(static_cast<double>(o.beta1), t)));
  factors[1] = static_cast<float>(sqrt(1 - pow(static_cast<double>(o.beta2), t)));
  factors[2] = o.decoupled ? rate * o.weight_decay : 0.0f;
}

struct AdamStep {
  static constexpr int kPack = pack_of<float>;
  float *w, *m, *s;
  const float *g, *factors;  // factors [3]
  AdamOptions o;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const float step_size = factors[0], root_correction = factors[1], decoupled = factors[2];
    const float coupled = o.decoupled ? 0.0f : o.weight_decay;
    Pack<N> weight = load<N>(w + i), first = load<N>(m + i), second = load<N>(s + i);
    const Pack<N> gradient = load<N>(g + i);
    for (int k = 0; k < N; ++k) {
      const float decayed = weight[k] - decoupled * weight[k];
      const float total = gradient[k] + coupled * weight[k];
      first[k] = o.beta1 * first[k] + (1 - o.beta1) * total;
      second[k] = o.beta2 * second[k] + (1 - o.beta2) * total * total;
      weight[k] = decayed - step_size * first[k] / (sqrtf(second[k]) / root_correction + o.eps);
    }
    store<N>(m + i, first);
    store<N>(s + i, second);
    store<N>(w + i, weight);
  }
};

}  // namespace

void adam_step(const Cuda& cuda, View<float> w, View<float> m, View<float> s, View<const float> g, View<const float> lr,
               View<const float> step, const AdamOptions& options) {
  const CudaBlock factors(cuda, 3 * sizeof(float));
  launch(cuda, adam_factors, {.grid = 1, .block = 1}, factors.as<float>(), lr.data, step.data, options);
  launch_elements(cuda, w.size(), can_use_packs(w, m, s, g),
                  AdamStep{w.data, m.data, s.data, g.data, factors.as<float>(), options});
}

}  // namespace kelvin
