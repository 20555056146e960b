// Convolution through cuDNN's graph API: one operation a graph or, forward, with what follows it in a residual network. Engines compiled
// ahead of time serve all of these, so that nothing is compiled while a program runs: cuDNN has them for exactly this order of additions
// and for a bias of y's type.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/convolution/conv_problem.h"
#include "kernels/libraries/cudnn/plan.h"

namespace kelvin::cudnn {

// Channels of an image as cuDNN is given them: filled up with zeros to a whole 16 bytes. It would pad them itself otherwise, in up to a
// gigabyte of workspace.
[[nodiscard]] constexpr std::int64_t padded_channels(DType dtype, std::int64_t channels) {
  const auto whole = static_cast<std::int64_t>(16 / bytes_of(dtype));
  return (channels + whole - 1) / whole * whole;
}

// The plans that fit, best first by heuristic, at most `most`. Empty: none.
[[nodiscard]] std::vector<Plan> conv_plans(const Target& target, const ConvProblem& problem, PlanFilter filter,
                                           std::size_t most);

void execute(cudnnHandle_t handle, const ConvProblem& problem, const Plan& plan, const ConvTensors& tensors,
             void* workspace);

}  // namespace kelvin::cudnn
