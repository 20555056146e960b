#include "kernels/cudnn/convolution.h"

#include "kernels/device/error.h"

namespace kelvin::cudnn {
namespace {

using Dims = std::vector<std::int64_t>;

enum Uid : std::int64_t { kX = 1, kW = 2, kY = 3 };

// A channels-last tensor; cuDNN orders dimensions N, C, H, W whatever the layout.
Descriptor tensor(Uid uid, DType dtype, std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
  Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, data_type(dtype))
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, Dims{n, c, h, w})
      .set(CUDNN_ATTR_TENSOR_STRIDES, Dims{h * w * c, 1, w * c, c})
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, static_cast<std::int64_t>(uid))
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t{16});
  return d.finalize("a tensor");
}

Descriptor convolution(const ConvProblem& p) {
  Descriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, Dims{p.pad, p.pad})
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, Dims{p.pad, p.pad})
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, Dims{1, 1})
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, Dims{p.stride, p.stride});
  return d.finalize("a convolution");
}

// The names of one direction's attributes.
struct Operation {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t x, w, y, convolution, alpha, beta;
};

Operation operation_of(Direction d) {
  switch (d) {
    case Direction::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case Direction::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    default:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
  }
}

Descriptor operation_for(const ConvProblem& p) {
  const std::int64_t oh = (p.x[1] + 2 * p.pad - p.w[1]) / p.stride + 1;
  const std::int64_t ow = (p.x[2] + 2 * p.pad - p.w[2]) / p.stride + 1;
  const Operation names = operation_of(p.direction);
  Descriptor operation(names.type);
  operation.set(names.x, tensor(kX, p.dtype, p.x[0], p.x[3], p.x[1], p.x[2]))
      .set(names.w, tensor(kW, p.dtype, p.w[0], p.w[3], p.w[1], p.w[2]))
      .set(names.y, tensor(kY, p.dtype, p.x[0], p.w[0], oh, ow))
      .set(names.convolution, convolution(p))
      .set(names.alpha, 1.0)
      .set(names.beta, 0.0);
  return operation.finalize("a convolution operation");
}

}  // namespace

std::vector<Plan> conv_plans(const Target& target, const ConvProblem& problem, PlanFilter filter, std::size_t most) {
  // On float32 the tensor cores mean TF32.
  filter.without_tensor_cores = problem.dtype == DType::f32 && !problem.allow_tf32;
  return plans_of(target, graph_of(target, {operation_for(problem)}), filter, most);
}

void execute(cudnnHandle_t handle, const Plan& plan, const void* x, const void* w, const void* y, void* workspace) {
  execute(handle, plan, {{kX, x}, {kW, w}, {kY, y}}, workspace, "running a convolution");
}

std::string describe(const ConvProblem& p) {
  static constexpr const char* kNames[] = {"forward", "backward data", "backward filter"};
  const auto list = [](const std::array<std::int64_t, 4>& d) {
    return str("[", d[0], ", ", d[1], ", ", d[2], ", ", d[3], "]");
  };
  return str(kNames[static_cast<int>(p.direction)], " ", p.allow_tf32 ? "tf32" : name_of(p.dtype), " x ", list(p.x),
             ", w ", list(p.w), ", stride ", p.stride, ", pad ", p.pad);
}

}  // namespace kelvin::cudnn
