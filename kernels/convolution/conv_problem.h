// The description of a convolution on the GPU, the same for every algorithm of convolve.h: the key under which plans are kept, and the tensors.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "kernels/device/dtype.h"

namespace kelvin {

enum class ConvDirection { forward, backward_data, backward_filter };

// Everything that decides how a convolution is computed. x [N, H, W, C], w [K, R, S, C], y and residual [N, P, Q, K], bias [K]; all have the
// element type `dtype`, sums are float32 and rounded once.
//   forward          y = relu?(x * w + residual + bias)
//   backward data    dx = the gradient with respect to x, or dx += it
//   backward filter  dw
struct ConvProblem {
  ConvDirection direction{};
  DType dtype{};
  std::array<std::int64_t, 4> x{}, w{};
  std::int64_t stride = 1, pad = 0;
  bool allow_tf32 = false;  // float32 only: round factors to 10 bits for the tensor cores
  bool has_residual = false, has_bias = false, relu = false;  // forward
  bool adds = false;                                          // backward data
  auto operator<=>(const ConvProblem&) const = default;

  [[nodiscard]] std::int64_t output_side(int d) const {  // 0: rows, 1: columns
    const auto i = static_cast<std::size_t>(1 + d);
    return (x[i] + 2 * pad - w[i]) / stride + 1;
  }
  [[nodiscard]] bool has_epilogue() const { return has_residual || has_bias || relu; }
};

// Device addresses. Forward writes y. In the backward passes y is dy, and the result is x = dx (data) or w = dw (filter).
struct ConvTensors {
  const void *x = nullptr, *w = nullptr, *y = nullptr;
  const void *residual = nullptr, *bias = nullptr;  // null where the problem has none
};

// "forward bfloat16 x [128, 32, 32, 64], w [64, 3, 3, 64], stride 1, pad 1"
[[nodiscard]] std::string describe(const ConvProblem& problem);

}  // namespace kelvin
