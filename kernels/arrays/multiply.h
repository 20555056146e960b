// Products and exponentials whose inputs are all in device memory, so that a factor may change between replays of a recorded step.
// float32, elementwise, deterministic; y may be x.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

// y = factor[0] · x, factor: [1]
void multiply(Cpu, View<float> y, View<const float> x, View<const float> factor);
void multiply(const Cuda&, View<float> y, View<const float> x, View<const float> factor);

// y = e^x
void exponential(Cpu, View<float> y, View<const float> x);
void exponential(const Cuda&, View<float> y, View<const float> x);

}  // namespace kelvin
