#include "kernels/attacks/keep_best.h"

#include <algorithm>

#include "kernels/device/parallel.h"

namespace kelvin {

void keep_best(Cpu, View<float> best_images, View<float> best_loss, View<std::int32_t> best_success,
               View<std::int32_t> best_prediction, View<const float> images, View<const float> loss,
               View<const std::int32_t> success, View<const std::int32_t> prediction) {
  const std::int64_t n = loss.size(), pixels = n > 0 ? images.size() / n : 0;
  parallel_for(
      n,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const bool is_better = best_success[i] == 0 && (success[i] != 0 || loss[i] > best_loss[i]);
          if (!is_better) continue;
          best_loss[i] = loss[i];
          best_success[i] = success[i];
          best_prediction[i] = prediction[i];
          std::copy_n(images.data + i * pixels, pixels, best_images.data + i * pixels);
        }
      },
      /*cost=*/pixels);
}

}  // namespace kelvin
