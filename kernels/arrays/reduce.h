// Reductions in a fixed order (the same bits for any thread count), accumulated in double.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

// sum [1] = factor · Σ x
void reduce_sum(Cpu, View<float> sum, View<const float> x, float factor);
void reduce_sum(const Cuda&, View<float> sum, View<const float> x, float factor);

// norm [1] = ‖x‖₂, squares and sum in double
void reduce_norm(Cpu, View<float> norm, View<const float> x);
void reduce_norm(const Cuda&, View<float> norm, View<const float> x);

// sums [C] = Σ over rows of x [rows..., C]: the gradient of a bias
template <class T>
void column_sum(Cpu, View<float> sums, View<const T> x);
template <class T>
void column_sum(const Cuda&, View<float> sums, View<const T> x);

// total [1] += factor · Σ x: running totals (loss, correct predictions) that are read every N steps only
void accumulate_sum(Cpu, View<float> total, View<const float> x, float factor);
void accumulate_sum(const Cuda&, View<float> total, View<const float> x, float factor);

}  // namespace kelvin
