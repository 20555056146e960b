#include "kernels/arrays/prototype_distances.h"

#include <cmath>

#include "kernels/device/parallel.h"

namespace kelvin {

void prototype_distances(Cpu, View<float> distances, View<const float> features, View<const float> prototypes) {
  const std::int64_t classes = prototypes.dim(0), width = prototypes.dim(1);
  parallel_for(
      features.dim(0),
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
          for (std::int64_t j = 0; j < classes; ++j) {
            double sum = 0;
            for (std::int64_t k = 0; k < width; ++k) {
              const double d = static_cast<double>(features[i * width + k]) - prototypes[j * width + k];
              sum += d * d;
            }
            distances[i * classes + j] = static_cast<float>(std::sqrt(sum));
          }
      },
      /*cost=*/4 * classes * width);
}

}  // namespace kelvin
