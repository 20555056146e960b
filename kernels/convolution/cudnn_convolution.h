// Convolution through cuDNN's graph API. A graph is one operation or, in the forward pass, a convolution with what follows it in a residual
// network. cuDNN has engines that are compiled ahead of time for all of these graphs, so that nothing is compiled while a program runs; it has
// them for exactly this order of additions and for a bias of y's type.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/convolution/conv_problem.h"
#include "kernels/libraries/cudnn/plan.h"

namespace kelvin::cudnn {

// The number of channels that cuDNN gets: filled up with zeros to a multiple of 16 bytes. Otherwise it would pad them itself, in up to a
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
