// Keeps, image by image, the best iterate an attack has met ("silent success": an attack that returns its last iterate may
// throw an adversarial example away; Pintor et al. 2021, 2106.09947).
//
// A candidate replaces what is kept unless the kept one has already succeeded: the first success wins, before that the
// highest loss. A NaN loss never wins. Deterministic; images are independent.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

// best_images [N, ...], best_loss [N], best_success [N] (0 or 1), best_prediction [N] are read and overwritten;
// images [N, ...], loss [N], success [N], prediction [N] are the candidate. Start with best_loss = -infinity, best_success = 0.
void keep_best(Cpu, View<float> best_images, View<float> best_loss, View<std::int32_t> best_success,
               View<std::int32_t> best_prediction, View<const float> images, View<const float> loss,
               View<const std::int32_t> success, View<const std::int32_t> prediction);
void keep_best(const Cuda&, View<float> best_images, View<float> best_loss, View<std::int32_t> best_success,
               View<std::int32_t> best_prediction, View<const float> images, View<const float> loss,
               View<const std::int32_t> success, View<const std::int32_t> prediction);

}  // namespace kelvin
