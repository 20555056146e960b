// Fills with random numbers from Philox (kernels/device/philox.h): element i of the view is a function of (key, first + i)
// alone. `first` is for a part of a larger array, which gets the same numbers as in the whole.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/philox.h"
#include "kernels/device/view.h"

namespace kelvin {

// Uniform in [low, high).
void fill_uniform(Cpu, View<float> y, RandomKey key, float low, float high);
void fill_uniform(const Cuda&, View<float> y, RandomKey key, float low, float high);
// Normal with the given mean and standard deviation.
void fill_normal(Cpu, View<float> y, RandomKey key, float mean, float stddev, std::int64_t first = 0);
void fill_normal(const Cuda&, View<float> y, RandomKey key, float mean, float stddev, std::int64_t first = 0);

}  // namespace kelvin
