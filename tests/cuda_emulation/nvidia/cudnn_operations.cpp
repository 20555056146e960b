// From the descriptors of operations to operations.
#include "tests/cuda_emulation/nvidia/cudnn.h"
#include "tests/cuda_emulation/nvidia/cudnn_descriptor.h"

namespace emulated {
namespace {

bool flag(const Descriptor& d, cudnnBackendAttributeName_t name) {
  return d.attributes.count(name) != 0 && one<char>(d, name, CUDNN_TYPE_BOOLEAN) != 0;
}
Dims dims(const Descriptor& d, cudnnBackendAttributeName_t name) {
  const auto values = all<std::int64_t>(d, name, CUDNN_TYPE_INT64);
  if (values.size() != 4) refuse("tensors have four dimensions here");
  return {values[0], values[1], values[2], values[3]};
}

TensorDescription tensor(const Descriptor& operation, cudnnBackendAttributeName_t name) {
  const Descriptor& d = part(operation, name);
  const auto type = one<cudnnDataType_t>(d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE);
  return {number(d, CUDNN_ATTR_TENSOR_UNIQUE_ID),
          dims(d, CUDNN_ATTR_TENSOR_DIMENSIONS),
          dims(d, CUDNN_ATTR_TENSOR_STRIDES),
          type == CUDNN_DATA_BFLOAT16 ? kelvin::DType::bf16 : kelvin::DType::f32,
          number(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT),
          flag(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL),
          flag(d, CUDNN_ATTR_TENSOR_IS_BY_VALUE)};
}

Operation convolution(const Descriptor& d, Operation::Kind kind, cudnnBackendAttributeName_t a,
                      cudnnBackendAttributeName_t b, cudnnBackendAttributeName_t out, cudnnBackendAttributeName_t how,
                      cudnnBackendAttributeName_t alpha, cudnnBackendAttributeName_t beta) {
  const Descriptor& c = part(d, how);
  const auto pair = [&](cudnnBackendAttributeName_t name) {
    const auto v = all<std::int64_t>(c, name, CUDNN_TYPE_INT64);
    if (v.size() != 2 || v[0] != v[1]) refuse("a convolution that is not square");
    return v[0];
  };
  const std::int64_t pad = pair(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
  if (pair(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS) != pad || pair(CUDNN_ATTR_CONVOLUTION_DILATIONS) != 1)
    refuse("a convolution of another kind");
  if (one<cudnnConvolutionMode_t>(c, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE) !=
      CUDNN_CROSS_CORRELATION)
    refuse("a convolution that turns its filter round");
  // cuDNN itself takes doubles without complaint, and then their first four bytes.
  const auto kept = one<float>(d, beta, CUDNN_TYPE_FLOAT);
  if (one<float>(d, alpha, CUDNN_TYPE_FLOAT) != 1 || (kept != 0 && kept != 1))
    refuse("only alpha = 1 and beta = 0 or 1 stand in here");
  return {.kind = kind,
          .a = tensor(d, a),
          .b = tensor(d, b),
          .out = tensor(d, out),
          .stride = pair(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES),
          .pad = pad,
          .adds = kept == 1};
}

}  // namespace

Operation operation_of(const Descriptor& d) {
  using Kind = Operation::Kind;
  switch (d.kind) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
      return convolution(d, Kind::convolution, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
      return convolution(d, Kind::convolution_backward_data, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
      return convolution(d, Kind::convolution_backward_filter, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA);
    case CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR:
      return {.kind = Kind::matmul,
              .a = tensor(d, CUDNN_ATTR_OPERATION_MATMUL_ADESC),
              .b = tensor(d, CUDNN_ATTR_OPERATION_MATMUL_BDESC),
              .out = tensor(d, CUDNN_ATTR_OPERATION_MATMUL_CDESC)};
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR: {
      const bool has_b = d.attributes.count(CUDNN_ATTR_OPERATION_POINTWISE_BDESC) != 0;
      const Descriptor& how = part(d, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
      return {.kind = Kind::pointwise,
              .a = tensor(d, CUDNN_ATTR_OPERATION_POINTWISE_XDESC),
              .b = has_b ? tensor(d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC) : TensorDescription{},
              .out = tensor(d, CUDNN_ATTR_OPERATION_POINTWISE_YDESC),
              .has_b = has_b,
              .mode = one<cudnnPointwiseMode_t>(how, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE),
              .keeps_nan = how.attributes.count(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION) != 0 &&
                           one<cudnnNanPropagation_t>(how, CUDNN_ATTR_POINTWISE_NAN_PROPAGATION,
                                                      CUDNN_TYPE_NAN_PROPOGATION) == CUDNN_PROPAGATE_NAN &&
                           !cudnn_settings().relu_drops_nan};
    }
    case CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR: {
      const Descriptor& how = part(d, CUDNN_ATTR_OPERATION_REDUCTION_DESC);
      return {.kind = Kind::reduction,
              .a = tensor(d, CUDNN_ATTR_OPERATION_REDUCTION_XDESC),
              .b = {},
              .out = tensor(d, CUDNN_ATTR_OPERATION_REDUCTION_YDESC),
              .has_b = false,
              .reduction_op =
                  one<cudnnReduceTensorOp_t>(how, CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE)};
    }
    case CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR:
      return {.kind = Kind::reshape,
              .a = tensor(d, CUDNN_ATTR_OPERATION_RESHAPE_XDESC),
              .b = {},
              .out = tensor(d, CUDNN_ATTR_OPERATION_RESHAPE_YDESC),
              .has_b = false};
    default: refuse("no operation");
  }
}

}  // namespace emulated
