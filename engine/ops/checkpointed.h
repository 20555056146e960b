// A part of a network whose activations are not kept: forward stores its input only, backward computes the part again and
// differentiates that (Chen et al. 2016, 1604.06174). Memory for time: one more forward of the part.
//
//   x = checkpointed(x, {w1, b1, w2, b2}, [=](const Tensor& x) { return linear(gelu(linear(x, w1, b1)), w2, b2); });
//
// Results and gradients have the bits that they have without it, provided f computes the same again: it must draw random numbers by a
// counter (engine/ops/dropout.h) and change nothing (BatchNorm in training moves running statistics, so it does not belong inside).
#pragma once

#include <functional>
#include <vector>

#include "engine/tensor.h"

namespace kelvin {

// f(x). `parameters`: every watched tensor that f reads besides x.
[[nodiscard]] Tensor checkpointed(const Tensor& x, const std::vector<Tensor>& parameters,
                                  const std::function<Tensor(const Tensor&)>& f);

}  // namespace kelvin
