#include "kernels/libraries/cudnn/plan.h"

#include <algorithm>

namespace kelvin::cudnn {
namespace {

// Engine configurations from a heuristic. For a graph that it does not support it fails inside cuDNN; the list is then empty.
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

// The properties that an engine reports.
Plan notes_of(const Descriptor& configuration) {
  const Descriptor engine =
      configuration.get_descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR).at(0);
  const auto numerical = engine.get_all<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE);
  const auto behavior = engine.get_all<cudnnBackendBehaviorNote_t>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE);
  Plan plan;
  plan.engine = engine.get<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
  plan.deterministic = !contains(numerical, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
  plan.tensor_cores = contains(numerical, CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
  plan.in_float32 = !contains(numerical, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) &&
                    !contains(numerical, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS);
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

Descriptor graph_of(const Target& target, const std::vector<Descriptor>& operations) {
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations);
  if (target.handle != nullptr) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.handle);
  return graph.finalize("an operation graph");
}

std::vector<Plan> plans_of(const Target& target, const Descriptor& graph, const PlanFilter& filter, std::size_t most) {
  std::vector<Plan> plans;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (const Descriptor& configuration : configurations(target, graph, mode)) {
      if (plans.size() == most) return plans;
      Plan plan = notes_of(configuration);
      if (!plan.in_float32) continue;
      if (filter.deterministic && !plan.deterministic) continue;
      if (filter.without_tensor_cores && plan.tensor_cores) continue;
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

void execute(cudnnHandle_t handle, const Plan& plan, const std::vector<Binding>& bindings, void* workspace,
             const char* what) {
  std::vector<std::int64_t> numbers;
  std::vector<DevicePointer> addresses;
  for (const auto& [number, address] : bindings) {
    numbers.push_back(number);
    addresses.push_back({const_cast<void*>(address)});  // cuDNN takes void* for inputs and outputs alike
  }
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, numbers)
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, addresses)
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, DevicePointer{workspace})
      .finalize("a variant pack");
  check(library().execute(handle, plan.plan.raw(), pack.raw()), what);
}

}  // namespace kelvin::cudnn
