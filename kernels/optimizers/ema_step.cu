// Reads average and x, writes average: three streams over the parameters, one launch a step.
#include "kernels/optimizers/ema_step.h"
#include "kernels/simt/map.h"

namespace kelvin {
namespace {

struct MoveTowards {
  float share;
  __device__ float operator()(float average, float x) const { return average + share * (x - average); }
};

}  // namespace

void ema_step(const Cuda& cuda, View<float> average, View<const float> x, float decay) {
  map_elements(cuda, average, View<const float>(average), x, MoveTowards{1.0f - decay});
}

}  // namespace kelvin
