// Difference of logits ratio (Croce & Hein 2020, 2003.01690, equation 6): a loss that neither shifting nor scaling the logits changes.
//
//   L_i = (max_{j≠y} z_ij − z_iy) / (z_iπ1 − z_iπ3 + 1e-12),   π sorts row i in descending order
//
// With d the denominator: ∂L/∂z = +1/d at the best wrong class, −1/d at the label, −L/d at π1, +L/d at π3, added up where they
// coincide. Of equal logits the first counts as larger. float32, C >= 3.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

inline constexpr float kDlrEpsilon = 1e-12f;

void dlr_loss_forward(Cpu, View<float> loss, View<const float> logits, View<const std::int32_t> labels);
void dlr_loss_forward(const Cuda&, View<float> loss, View<const float> logits, View<const std::int32_t> labels);

void dlr_loss_backward(Cpu, View<float> dlogits, View<const float> dloss, View<const float> logits,
                       View<const std::int32_t> labels);
void dlr_loss_backward(const Cuda&, View<float> dlogits, View<const float> dloss, View<const float> logits,
                       View<const std::int32_t> labels);

}  // namespace kelvin
