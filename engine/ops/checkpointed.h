// A part of a network whose activations are not kept. The forward pass stores only its input; the backward pass computes the part again and
// differentiates that (Chen et al. 2016, 1604.06174). It saves memory and costs one more forward pass of the part.
//
//   x = checkpointed(x, {w1, b1, w2, b2}, [=](const Tensor& x) { return linear(gelu(linear(x, w1, b1)), w2, b2); });
//
// Results and gradients are bit-identical to those without it if f computes the same again: f must draw random numbers by a counter
// (engine/ops/dropout.h) and change nothing (BatchNorm in training updates running statistics, so it must not be inside).
#pragma once

#include <functional>
#include <vector>

#include "engine/tensor.h"

namespace kelvin {

// f(x). `parameters`: every watched tensor that f reads besides x.
[[nodiscard]] Tensor checkpointed(const Tensor& x, const std::vector<Tensor>& parameters,
                                  const std::function<Tensor(const Tensor&)>& f);

}  // namespace kelvin
