// Convolution through cuDNN's graph API: one operation a graph or, forward, with what follows it in a residual network. Engines compiled
// ahead of time serve all of these, so that nothing is compiled while a program runs: cuDNN has them for exactly this order of additions
// and for a bias of y's type. Not so a masked data gradient: each of its plans is compiled when it is made, in one to three seconds.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/cudnn/plan.h"

namespace kelvin::cudnn {

enum class Direction { forward, backward_data, backward_filter };

// Everything that decides which plan runs. x [N, H, W, C], w [K, R, S, C], y and residual [N, P, Q, K], bias [K]; all have the element type
// `dtype`, sums are float32 and rounded once.
//   forward          y = relu?(x * w + residual + bias)
//   backward data    dx = what y's gradient sends back through w, or dx += that; then 0 where mask, [N, H, W, C], is not positive
//   backward filter  dw
struct ConvProblem {
  Direction direction{};
  DType dtype{};
  std::array<std::int64_t, 4> x{}, w{};
  std::int64_t stride = 1, pad = 0;
  bool allow_tf32 = false;  // float32 only: round factors to 10 bits for the tensor cores
  bool has_residual = false, has_bias = false, relu = false;  // forward
  bool adds = false, masked = false;                          // backward data
  auto operator<=>(const ConvProblem&) const = default;

  [[nodiscard]] std::int64_t output_side(int d) const {  // 0: rows, 1: columns
    const auto i = static_cast<std::size_t>(1 + d);
    return (x[i] + 2 * pad - w[i]) / stride + 1;
  }
  [[nodiscard]] bool has_epilogue() const { return has_residual || has_bias || relu; }
};

// Device addresses of the tensors in their direction's roles; one of the first three is the result.
struct ConvTensors {
  const void *x = nullptr, *w = nullptr, *y = nullptr;
  const void *residual = nullptr, *bias = nullptr, *mask = nullptr;  // null where the problem has none
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

void execute(cudnnHandle_t handle, const ConvProblem& problem, const Plan& plan, const ConvTensors& tensors,
             void* workspace);

// "forward bfloat16 x [128, 32, 32, 64], w [64, 3, 3, 64], stride 1, pad 1"
[[nodiscard]] std::string describe(const ConvProblem& problem);

}  // namespace kelvin::cudnn
