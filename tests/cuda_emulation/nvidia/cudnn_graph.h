// Computes a cuDNN operation graph by definition: every operation in plain loops, one after the other. Shapes, strides and roundings come from
// the tensors' descriptions only, so that a wrong stride or a missing transposition shows as wrong numbers.
#pragma once

#include <cudnn_graph.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "tests/cuda_emulation/nvidia/element.h"

namespace emulated {

using Dims = std::array<std::int64_t, 4>;

struct TensorDescription {
  std::int64_t number = 0;
  Dims dims{}, strides{};
  kelvin::DType type{};
  std::int64_t alignment = 1;
  bool is_virtual = false;   // between two operations only
  bool is_by_value = false;  // a float on the host

  [[nodiscard]] std::int64_t size() const { return dims[0] * dims[1] * dims[2] * dims[3]; }
  // Elements of memory from the first to the last.
  [[nodiscard]] std::int64_t extent() const {
    std::int64_t last = 0;
    for (std::size_t d = 0; d < 4; ++d) last += (dims[d] - 1) * strides[d];
    return last + 1;
  }
};

struct Operation {
  enum class Kind {
    convolution,
    convolution_backward_data,
    convolution_backward_filter,
    matmul,
    pointwise,
    reduction,
    reshape
  };
  Kind kind{};
  // Factors and result: x w y, dy w dx, x dy dw; a b c; x (b) y.
  TensorDescription a, b, out;
  bool has_b = true;
  std::int64_t stride = 1, pad = 0;  // convolutions
  bool adds = false;                 // to what is there: β = 1
  cudnnPointwiseMode_t mode{};       // pointwise
  bool keeps_nan = false;            // a ReLU passes NaN on
  cudnnReduceTensorOp_t reduction_op{};
};
using Graph = std::vector<Operation>;

// The reason why the graph is invalid; empty if it is valid.
[[nodiscard]] std::string mistake_in(const Graph& graph);

// `memory`: addresses of the tensors that are not virtual, by number; `scalars`: the values of those passed by value.
void run(const Graph& graph, bool tf32, const std::map<std::int64_t, void*>& memory,
         const std::map<std::int64_t, float>& scalars);

}  // namespace emulated
