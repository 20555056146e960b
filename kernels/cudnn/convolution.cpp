#include "kernels/cudnn/convolution.h"

#include <algorithm>

#include "kernels/device/error.h"

namespace kelvin::cudnn {
namespace {

using Dims = std::vector<std::int64_t>;

enum Uid : std::int64_t { kX = 1, kW = 2, kY = 3 };

cudnnDataType_t data_type(DType t) { return t == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT; }

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

Descriptor graph_of(const Target& target, const ConvProblem& p) {
  const std::int64_t oh = (p.x[1] + 2 * p.pad - p.w[1]) / p.stride + 1;
  const std::int64_t ow = (p.x[2] + 2 * p.pad - p.w[2]) / p.stride + 1;
  const Operation names = operation_of(p.direction);
  Descriptor operation(names.type);
  operation.set(names.x, tensor(kX, p.dtype, p.x[0], p.x[3], p.x[1], p.x[2]))
      .set(names.w, tensor(kW, p.dtype, p.w[0], p.w[3], p.w[1], p.w[2]))
      .set(names.y, tensor(kY, p.dtype, p.x[0], p.w[0], oh, ow))
      .set(names.convolution, convolution(p))
      .set(names.alpha, 1.0)
      .set(names.beta, 0.0)
      .finalize("a convolution operation");
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  if (target.handle != nullptr) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.handle);
  return graph.finalize("an operation graph");
}

// A heuristic without an answer for this graph throws inside cuDNN; that is an empty list here.
std::vector<Descriptor> configurations(const Target& target, const Descriptor& graph, cudnnBackendHeurMode_t mode) {
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph).set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (target.properties) heuristic.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, target.properties);
  if (heuristic.try_finalize() != CUDNN_STATUS_SUCCESS) return {};
  return heuristic.get_descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
}

template <class T>
bool contains(const std::vector<T>& values, T value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// Fills in what an engine says of itself.
ConvPlan notes_of(const Descriptor& configuration) {
  const Descriptor engine =
      configuration.get_descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR).at(0);
  const auto numerical = engine.get_all<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE);
  const auto behavior = engine.get_all<cudnnBackendBehaviorNote_t>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE);
  ConvPlan plan;
  plan.engine = engine.get<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
  plan.deterministic = !contains(numerical, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
  plan.tensor_cores = contains(numerical, CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
  plan.compiled_at_run_time = contains(behavior, CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION);
  return plan;
}

}  // namespace

Target Target::described_by(const std::string& json) {
  Target target;
  target.properties = Descriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  target.properties.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, std::vector<char>(json.begin(), json.end()));
  target.properties.finalize("a device description");
  return target;
}

std::string device_description(std::int32_t number) {
  Descriptor d(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  d.set(CUDNN_ATTR_DEVICEPROP_DEVICE_ID, number).finalize("a device description");
  const std::vector<char> text = d.get_all<char>(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION);
  return {text.begin(), text.end()};
}

std::vector<ConvPlan> conv_plans(const Target& target, const ConvProblem& problem, const PlanFilter& filter,
                                 std::size_t most) {
  const Descriptor graph = graph_of(target, problem);
  std::vector<ConvPlan> plans;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (const Descriptor& configuration : configurations(target, graph, mode)) {
      if (plans.size() == most) return plans;
      ConvPlan plan = notes_of(configuration);
      if (filter.deterministic && !plan.deterministic) continue;
      // On float32 the tensor cores mean TF32.
      if (problem.dtype == DType::f32 && !problem.allow_tf32 && plan.tensor_cores) continue;
      Descriptor d(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      d.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
      if (target.handle != nullptr) d.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle);
      if (target.properties) d.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, target.properties);
      if (d.try_finalize() != CUDNN_STATUS_SUCCESS) continue;  // the engine does not support this shape after all
      plan.workspace = d.get<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
      if (plan.workspace > filter.most_workspace) continue;
      plan.plan = d;
      plans.push_back(plan);
    }
  return plans;
}

void execute(cudnnHandle_t handle, const ConvPlan& plan, const void* x, const void* w, const void* y, void* workspace) {
  // cuDNN takes void* for inputs and outputs alike.
  const auto address = [](const void* p) { return DevicePointer{const_cast<void*>(p)}; };
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, Dims{kX, kW, kY})
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, std::vector<DevicePointer>{address(x), address(w), address(y)})
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, DevicePointer{workspace})
      .finalize("a variant pack");
  check(library().execute(handle, plan.plan.raw(), pack.raw()), "running a convolution");
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
