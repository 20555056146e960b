// Reads and writes the gradients once; every thread works the factor out from the norm in device memory.
#include "kernels/optimizers/clip_gradient.h"
#include "kernels/simt/map.h"

namespace kelvin {
namespace {

struct Clip {
  const float* norm;  // [1]
  float max_norm;
  __device__ float operator()(float g) const { return g * clip_factor(norm[0], max_norm); }
};

}  // namespace

void clip_gradient(const Cuda& cuda, View<float> g, View<const float> norm, float max_norm) {
  map_elements(cuda, g, View<const float>(g), Clip{norm.data, max_norm});
}

}  // namespace kelvin
