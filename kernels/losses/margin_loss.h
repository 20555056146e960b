// Margin loss (Carlini & Wagner 2017, 1608.04644, without the clamp): how far the best wrong class leads.
//
//   L_i = max_{j≠y} z_ij − z_iy;   ∂L/∂z = +dloss_i at the winning class (the first of equals), −dloss_i at the label
//
// Scale-covariant in z and never saturating. The label is left out of the maximum altogether, not masked by a constant.
// Minus this loss is the margin. T: float or double. C ≥ 2.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

template <class T>
void margin_loss_forward(Cpu, View<T> loss, View<const T> logits, View<const std::int32_t> labels);
template <class T>
void margin_loss_forward(const Cuda&, View<T> loss, View<const T> logits, View<const std::int32_t> labels);

template <class T>
void margin_loss_backward(Cpu, View<T> dlogits, View<const T> dloss, View<const T> logits,
                          View<const std::int32_t> labels);
template <class T>
void margin_loss_backward(const Cuda&, View<T> dlogits, View<const T> dloss, View<const T> logits,
                          View<const std::int32_t> labels);

}  // namespace kelvin
