// Clipping by global norm: torch.nn.utils.clip_grad_norm_ over the flat gradient buffer, on the device, nothing read back.
#pragma once

#include "engine/parameters.h"

namespace kelvin {

// g ← g · min(1, max_norm / (‖g‖₂ + 1e-6)), ‖g‖₂ over every parameter together (kernels/optimizers/clip_gradient.h).
void clip_gradient_norm(const Parameters& parameters, float max_norm);

}  // namespace kelvin
