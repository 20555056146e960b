// Builds graphs of several operations. Every function adds one operation and returns its result, so that a graph reads like its formula.
//
//   GraphBuilder g;
//   const Descriptor s = g.pointwise(CUDNN_POINTWISE_MUL, g.matmul(q, k_transposed, scores), scale, scores);
//
// Tensors have four dimensions; in attention these are batch, head, row, column. A tensor without a number of ours is virtual: it exists only
// between two operations and is never stored. Arithmetic is float32.
#pragma once

#include <array>
#include <vector>

#include "kernels/libraries/cudnn/plan.h"

namespace kelvin::cudnn {

using Dims4 = std::array<std::int64_t, 4>;

// Row-major strides.
[[nodiscard]] Dims4 packed(const Dims4& dims);

// Shape, layout and element type of a tensor.
struct Layout {
  Dims4 dims{}, strides{};
  DType dtype = DType::f32;
};
// Packed.
[[nodiscard]] Layout layout(const Dims4& dims, DType dtype = DType::f32);
// Rows and columns change places in the description; memory stays as it is.
[[nodiscard]] Layout transposed(Layout layout);

class GraphBuilder {
 public:
  // A tensor in memory; `number` names it when the plan is executed. Positive, and different for each.
  [[nodiscard]] Descriptor tensor(std::int64_t number, const Layout& layout);
  // A float passed by value, from the host, at execution.
  [[nodiscard]] Descriptor scalar(std::int64_t number);
  [[nodiscard]] Descriptor virtual_tensor(const Layout& layout);

  // Each writes to `out`, a tensor, or to a new virtual tensor of layout `out`, and returns it.
  Descriptor matmul(const Descriptor& a, const Descriptor& b, const Descriptor& out);
  Descriptor matmul(const Descriptor& a, const Descriptor& b, const Layout& out);
  Descriptor pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor& out);
  Descriptor pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Layout& out);
  Descriptor pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor& b, const Descriptor& out);
  Descriptor pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor& b, const Layout& out);
  // Over the dimensions in which `out` has size 1.
  Descriptor reduce(cudnnReduceTensorOp_t op, const Descriptor& x, const Layout& out);
  // The same elements with another shape.
  Descriptor reshape(const Descriptor& x, const Layout& out);

  // Adds an operation made elsewhere on tensors made here.
  void add(const Descriptor& operation) { operations_.push_back(operation); }

  [[nodiscard]] const std::vector<Descriptor>& operations() const { return operations_; }

 private:
  Descriptor describe(std::int64_t number, const Layout& layout, cudnnDataType_t type, bool is_virtual,
                      bool is_by_value);
  Descriptor add_pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor* b, const Descriptor& out);
  std::int64_t next_virtual_ = -1;
  std::vector<Descriptor> operations_;
};

}  // namespace kelvin::cudnn
