// One warp a (feature, prototype) pair; differences squared and summed in double, as on the CPU.
#include <cmath>

#include "kernels/arrays/prototype_distances.h"
#include "kernels/simt/groups.h"

namespace kelvin {
namespace {

__global__ void distances_kernel(float* distances, const float* features, const float* prototypes, std::int64_t pairs,
                                 std::int64_t classes, std::int64_t width) {
  const WarpGroup group;
  const std::int64_t pair = group.row();
  if (pair >= pairs) return;
  const float *f = features + pair / classes * width, *w = prototypes + pair % classes * width;
  double sum = 0;
  for (std::int64_t k = group.rank(); k < width; k += kWarpSize) {
    const double d = static_cast<double>(f[k]) - w[k];
    sum += d * d;
  }
  sum = group.sum(sum);
  if (group.rank() == 0) distances[pair] = static_cast<float>(sqrt(sum));
}

}  // namespace

void prototype_distances(const Cuda& cuda, View<float> distances, View<const float> features,
                         View<const float> prototypes) {
  launch_rows<WarpGroup>(cuda, distances_kernel, distances.size(), distances.data, features.data, prototypes.data,
                         distances.size(), prototypes.dim(0), prototypes.dim(1));
}

}  // namespace kelvin
