// The plans that cuDNN has for a graph of operations, and the execution of a plan.
//
// Plans can be made without a GPU, for a device described by its properties (cuDNN 9.8 and later), as in tests/planned_graphs.
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
  bool in_float32 = true;  // float32 sums, factors rounded to TF32 at most; plans_of leaves the others out
};

// The finalized graph of these operations.
[[nodiscard]] Descriptor graph_of(const Target& target, const std::vector<Descriptor>& operations);

// At most `most` plans that pass the filter: first those of heuristic A, best first, then those of the fallback list. Empty: none.
// An engine that cuDNN compiles at run time is compiled here, also for a described device. Loading the result needs a driver
// (libcuda.so.1, or the stand-in of tests/planned_graphs); without one such engines give no plan.
[[nodiscard]] std::vector<Plan> plans_of(const Target& target, const Descriptor& graph, const PlanFilter& filter,
                                         std::size_t most);

// A tensor's number in its graph and its device address; for a number passed by value, the address of that number on the host.
using Binding = std::pair<std::int64_t, const void*>;
void execute(cudnnHandle_t handle, const Plan& plan, const std::vector<Binding>& bindings, void* workspace,
             const char* what);

}  // namespace kelvin::cudnn
