// Targeted difference of logits ratio (Croce & Hein 2020, 2003.01690, section 4.2): rises as the target overtakes the label;
// neither shifting nor scaling the logits changes it.
//
//   L_i = (z_it − z_iy) / (z_iπ1 − (z_iπ3 + z_iπ4)/2 + 1e-12),   π sorts row i in descending order
//
// With d the denominator: ∂L/∂z = +1/d at the target, −1/d at the label, −L/d at π1, +L/2d at π3 and at π4, added up where they
// coincide. Of equal logits the first counts as larger. Label and target may be equal (loss and gradient are then 0).
// float32, C >= 4. logits [N, C]; labels, targets [N]; loss, dloss [N]. Deterministic.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

void targeted_dlr_loss_forward(Cpu, View<float> loss, View<const float> logits, View<const std::int32_t> labels,
                               View<const std::int32_t> targets);
void targeted_dlr_loss_forward(const Cuda&, View<float> loss, View<const float> logits, View<const std::int32_t> labels,
                               View<const std::int32_t> targets);

void targeted_dlr_loss_backward(Cpu, View<float> dlogits, View<const float> dloss, View<const float> logits,
                                View<const std::int32_t> labels, View<const std::int32_t> targets);
void targeted_dlr_loss_backward(const Cuda&, View<float> dlogits, View<const float> dloss, View<const float> logits,
                                View<const std::int32_t> labels, View<const std::int32_t> targets);

}  // namespace kelvin
