#include "kernels/convolution/cudnn_convolution.h"

#include "kernels/device/error.h"
#include "kernels/libraries/cudnn/graph_builder.h"

namespace kelvin::cudnn {
namespace {

using Dims = std::vector<std::int64_t>;

enum ConvolutionNumber : std::int64_t { kX = 1, kW, kY, kResidual, kBias };

// Channels last; cuDNN's order of dimensions is N, C, H, W for every layout.
Layout channels_last(DType dtype, std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
  return {{n, c, h, w}, {h * w * c, 1, w * c, c}, dtype};
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

Operation operation_of(ConvDirection d) {
  switch (d) {
    case ConvDirection::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case ConvDirection::backward_data:
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

void add_convolution(GraphBuilder& g, const ConvProblem& p, const Descriptor& x, const Descriptor& y, bool adds) {
  const Operation names = operation_of(p.direction);
  Descriptor operation(names.type);
  operation.set(names.x, x)
      .set(names.w, g.tensor(kW, channels_last(p.dtype, p.w[0], p.w[1], p.w[2], p.w[3])))
      .set(names.y, y)
      .set(names.convolution, convolution(p))
      .set(names.alpha, 1.0f)  // float: of a double cuDNN takes the first four bytes, which are 0 in 1.0
      .set(names.beta, adds ? 1.0f : 0.0f);
  g.add(operation.finalize("a convolution operation"));
}

std::vector<Descriptor> operations_of(const ConvProblem& p) {
  const Layout images = channels_last(p.dtype, p.x[0], p.x[1], p.x[2], p.x[3]);
  const Layout outputs = channels_last(p.dtype, p.x[0], p.output_side(0), p.output_side(1), p.w[0]);
  const auto in_float32 = [](Layout l) {
    l.dtype = DType::f32;
    return l;
  };
  GraphBuilder g;
  const Descriptor x = g.tensor(kX, images), y = g.tensor(kY, outputs);
  Descriptor last = p.has_epilogue() ? g.virtual_tensor(in_float32(outputs)) : y;
  add_convolution(g, p, x, last, p.adds);
  // The last of these writes to y.
  int left = (p.has_residual ? 1 : 0) + (p.has_bias ? 1 : 0) + (p.relu ? 1 : 0);
  const auto next = [&] { return --left == 0 ? y : g.virtual_tensor(in_float32(outputs)); };
  if (p.has_residual) last = g.pointwise(CUDNN_POINTWISE_ADD, last, g.tensor(kResidual, outputs), next());
  if (p.has_bias)
    last = g.pointwise(CUDNN_POINTWISE_ADD, last, g.tensor(kBias, channels_last(p.dtype, 1, 1, 1, p.w[0])), next());
  if (p.relu) last = g.pointwise(CUDNN_POINTWISE_RELU_FWD, last, next());
  return g.operations();
}

}  // namespace

std::vector<Plan> conv_plans(const Target& target, const ConvProblem& problem, PlanFilter filter, std::size_t most) {
  // With float32 data, tensor cores compute in TF32.
  filter.without_tensor_cores = problem.dtype == DType::f32 && !problem.allow_tf32;
  return plans_of(target, graph_of(target, operations_of(problem)), filter, most);
}

void execute(cudnnHandle_t handle, const ConvProblem& problem, const Plan& plan, const ConvTensors& t,
             void* workspace) {
  std::vector<Binding> bindings = {{kX, t.x}, {kW, t.w}, {kY, t.y}};
  if (problem.has_residual) bindings.emplace_back(kResidual, t.residual);
  if (problem.has_bias) bindings.emplace_back(kBias, t.bias);
  execute(handle, plan, bindings, workspace, "running a convolution");
}

}  // namespace kelvin::cudnn
