// Rows scaled to the same norm, for a cosine classifier.
//
//   y_i = s x_i / max(‖x_i‖₂, 1e-12)                                 x, y [rows, d] float32; the guard is PyTorch's F.normalize's
//   dx_i = s (dy_i − x̂_i ⟨x̂_i, dy_i⟩) / ‖x_i‖₂,  x̂ = x/‖x‖           and s dy_i / 1e-12 where the norm is below the guard
//
// norm [rows] is written by forward and read by backward. Overwritten; sums in a fixed order, deterministic.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

inline constexpr float kSmallestNorm = 1e-12f;

void normalize_rows_forward(Cpu, View<float> y, View<float> norm, View<const float> x, float scale);
void normalize_rows_forward(const Cuda&, View<float> y, View<float> norm, View<const float> x, float scale);

void normalize_rows_backward(Cpu, View<float> dx, View<const float> dy, View<const float> x, View<const float> norm,
                             float scale);
void normalize_rows_backward(const Cuda&, View<float> dx, View<const float> dy, View<const float> x,
                             View<const float> norm, float scale);

}  // namespace kelvin
