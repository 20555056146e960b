// Convolution through cuDNN's graph API: one operation a graph, so that engines compiled ahead of time serve it and nothing is
// compiled while a program runs. The plan is the first that fits of heuristic A and then of the fallback list.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/cudnn/plan.h"

namespace kelvin::cudnn {

enum class Direction { forward, backward_data, backward_filter };

// Everything that decides which plan runs. x [N, H, W, C], w [K, R, S, C]; all three tensors have the element type `dtype`, products
// are accumulated in float32.
struct ConvProblem {
  Direction direction{};
  DType dtype{};
  std::array<std::int64_t, 4> x{}, w{};
  std::int64_t stride = 1, pad = 0;
  bool allow_tf32 = false;  // float32 only: round factors to 10 bits for the tensor cores
  auto operator<=>(const ConvProblem&) const = default;
};

// Channels of an image as cuDNN is given them: filled up with zeros to a whole 16 bytes. It would pad them itself otherwise, in up to a
// gigabyte of workspace.
[[nodiscard]] constexpr std::int64_t padded_channels(DType dtype, std::int64_t channels) {
  const auto whole = static_cast<std::int64_t>(16 / bytes_of(dtype));
  return (channels + whole - 1) / whole * whole;
}

// The plans that fit, best first by heuristic, at most `most`. Empty: none.
[[nodiscard]] std::vector<Plan> conv_plans(const Target& target, const ConvProblem& problem, PlanFilter filter,
                                           std::size_t most);

// x, w, y: device addresses of the three tensors in their direction's roles.
void execute(cudnnHandle_t handle, const Plan& plan, const void* x, const void* w, const void* y, void* workspace);

// "forward bfloat16 x [128, 32, 32, 64], w [64, 3, 3, 64], stride 1, pad 1"
[[nodiscard]] std::string describe(const ConvProblem& problem);

}  // namespace kelvin::cudnn
