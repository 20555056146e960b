// Reads and writes the gradients once; every thread works the factor out from the norm in device memory.
#include "kernels/optimizers/clip_gradient.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

struct ClipGradient {
  static constexpr int kPack = pack_of<float>;
  float* g;
  const float* norm;  // [1]
  float max_norm;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const float factor = clip_factor(norm[0], max_norm);
    Pack<N> v = load<N>(g + i);
    for (int k = 0; k < N; ++k) v[k] *= factor;
    store<N>(g + i, v);
  }
};

}  // namespace

void clip_gradient(const Cuda& cuda, View<float> g, View<const float> norm, float max_norm) {
  launch_elements(cuda, g.size(), can_use_packs(g), ClipGradient{g.data, norm.data, max_norm});
}

}  // namespace kelvin
