// Reads w, m, s, g and writes w, m, s: seven streams over the parameters, one launch a step. The step number lies in device memory, so
// that a recorded step can be replayed; each thread works out 1 − βᵗ = −expm1(t ln β) for itself, to rounding, where powf would
// lose what 1 − βᵗ is made of while t is small.
#include <cmath>

#include "kernels/optimizers/adam_step.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

struct AdamStep {
  static constexpr int kPack = pack_of<float>;
  float *w, *m, *s;
  const float *g, *lr, *step;
  AdamOptions o;
  float log_beta1, log_beta2;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const float t = step[0], rate = lr[0] * o.lr_scale;
    const float step_size = rate / -expm1f(t * log_beta1), root_correction = sqrtf(-expm1f(t * log_beta2));
    const float decoupled = o.decoupled ? rate * o.weight_decay : 0.0f;
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
  const auto log_of = [](float beta) { return static_cast<float>(std::log(static_cast<double>(beta))); };
  launch_elements(cuda, w.size(), can_use_packs(w, m, s, g),
                  AdamStep{w.data, m.data, s.data, g.data, lr.data, step.data, options, log_of(options.beta1),
                           log_of(options.beta2)});
}

}  // namespace kelvin
