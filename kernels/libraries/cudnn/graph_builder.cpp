#include "kernels/libraries/cudnn/graph_builder.h"

namespace kelvin::cudnn {

Dims4 packed(const Dims4& dims) { return {dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1}; }

Layout layout(const Dims4& dims, DType dtype) { return {dims, packed(dims), dtype}; }

Layout transposed(Layout layout) {
  std::swap(layout.dims[2], layout.dims[3]);
  std::swap(layout.strides[2], layout.strides[3]);
  return layout;
}

Descriptor GraphBuilder::describe(std::int64_t number, const Layout& layout, cudnnDataType_t type, bool is_virtual,
                                  bool is_by_value) {
  const auto list = [](const Dims4& d) { return std::vector<std::int64_t>(d.begin(), d.end()); };
  Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, list(layout.dims))
      .set(CUDNN_ATTR_TENSOR_STRIDES, list(layout.strides))
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, number)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t{16});
  if (is_virtual) d.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
  if (is_by_value) d.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, true);
  return d.finalize("a tensor");
}

Descriptor GraphBuilder::tensor(std::int64_t number, const Layout& layout) {
  return describe(number, layout, data_type(layout.dtype), false, false);
}

Descriptor GraphBuilder::scalar(std::int64_t number) {
  return describe(number, layout({1, 1, 1, 1}), CUDNN_DATA_FLOAT, false, true);
}

Descriptor GraphBuilder::virtual_tensor(const Layout& layout) {
  return describe(next_virtual_--, layout, data_type(layout.dtype), true, false);
}

Descriptor GraphBuilder::matmul(const Descriptor& a, const Descriptor& b, const Descriptor& out) {
  Descriptor how(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  how.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT).finalize("a matrix product");
  Descriptor operation(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, how)
      .set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, a)
      .set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, b)
      .set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, out);
  operations_.push_back(operation.finalize("a matrix product operation"));
  return out;
}

Descriptor GraphBuilder::matmul(const Descriptor& a, const Descriptor& b, const Layout& out) {
  return matmul(a, b, virtual_tensor(out));
}

Descriptor GraphBuilder::add_pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor* b,
                                       const Descriptor& out) {
  Descriptor how(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  how.set(CUDNN_ATTR_POINTWISE_MODE, mode).set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  // Engines may ignore this (kernels/convolution/conv_trials.h tests it), and newer releases call it deprecated.
  if (mode == CUDNN_POINTWISE_RELU_FWD) how.set_if_known(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_PROPAGATE_NAN);
  how.finalize("an elementwise function");
  Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, out);
  if (b != nullptr) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
  operations_.push_back(operation.finalize("an elementwise operation"));
  return out;
}

Descriptor GraphBuilder::pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor& out) {
  return add_pointwise(mode, x, nullptr, out);
}
Descriptor GraphBuilder::pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Layout& out) {
  return add_pointwise(mode, x, nullptr, virtual_tensor(out));
}
Descriptor GraphBuilder::pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor& b,
                                   const Descriptor& out) {
  return add_pointwise(mode, x, &b, out);
}
Descriptor GraphBuilder::pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor& b,
                                   const Layout& out) {
  return add_pointwise(mode, x, &b, virtual_tensor(out));
}

Descriptor GraphBuilder::reduce(cudnnReduceTensorOp_t op, const Descriptor& x, const Layout& out) {
  Descriptor how(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  how.set(CUDNN_ATTR_REDUCTION_OPERATOR, op)
      .set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .finalize("a reduction");
  const Descriptor result = virtual_tensor(out);
  Descriptor operation(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, how)
      .set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x)
      .set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, result);
  operations_.push_back(operation.finalize("a reduction operation"));
  return result;
}

Descriptor GraphBuilder::reshape(const Descriptor& x, const Layout& out) {
  const Descriptor result = virtual_tensor(out);
  Descriptor operation(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, x).set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, result);
  operations_.push_back(operation.finalize("a reshape operation"));
  return result;
}

}  // namespace kelvin::cudnn
