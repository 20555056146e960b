// From a graph of operations to something that runs: the plans cuDNN offers for it, and running one.
//
// Plans can be made without a GPU, for a device described by its properties (cuDNN 9.8 and later): tests/planned_graphs does.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels/device/dtype.h"
#include "kernels/libraries/cudnn/descriptor.h"

namespace kelvin::cudnn {

[[nodiscard]] constexpr cudnnDataType_t data_type(DType t) {
  return t == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

// The GPU that plans are for: a handle, or, without a GPU, a description.
struct Target {
  cudnnHandle_t handle = nullptr;
  Descriptor properties = {};
  // From a JSON of device properties as cuDNN writes it (cudaDeviceProp's values).
  [[nodiscard]] static Target described_by(const std::string& json);
};

// The JSON that describes the GPU with this number: test data for machines without one.
[[nodiscard]] std::string device_description(std::int32_t number);

struct PlanFilter {
  std::int64_t most_workspace = std::int64_t{1} << 30;  // bytes
  bool deterministic = true;                            // leave out engines that say their sums have no fixed order
  bool without_tensor_cores = false;
};

struct Plan {
  Descriptor plan;
  std::int64_t workspace = 0;  // bytes
  std::int64_t engine = -1;
  bool deterministic = true, tensor_cores = false, compiled_at_run_time = false;
  bool in_float32 = true;  // adds up in it, and takes factors as they are but for TF32; others are never offered
};

// The graph of these operations, finalized.
[[nodiscard]] Descriptor graph_of(const Target& target, const std::vector<Descriptor>& operations);

// The plans that fit, best first by heuristic A and then by the fallback list, at most `most`. Empty: none.
// An engine that cuDNN compiles at run time is compiled here, for a described device too; but loading the result needs a driver
// (libcuda.so.1, if only the stand-in of tests/planned_graphs): without one such engines give no plan.
[[nodiscard]] std::vector<Plan> plans_of(const Target& target, const Descriptor& graph, const PlanFilter& filter,
                                         std::size_t most);

// A tensor's number in its graph and its device address; for a number passed by value, the address of that number on the host.
using Binding = std::pair<std::int64_t, const void*>;
void execute(cudnnHandle_t handle, const Plan& plan, const std::vector<Binding>& bindings, void* workspace,
             const char* what);

}  // namespace kelvin::cudnn
