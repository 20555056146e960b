// Exponential moving average of weights over flat buffers (Polyak & Juditsky 1992; timm's ModelEmaV3, which calls torch.lerp):
//   a ← a + (1 − d)(x − a)          d = decay, 0 <= d < 1
// a, x: float32 [n]. In place; elementwise; deterministic.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

void ema_step(Cpu, View<float> average, View<const float> x, float decay);
void ema_step(const Cuda&, View<float> average, View<const float> x, float decay);

}  // namespace kelvin
