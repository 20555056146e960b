// A stand-in for cuDNN's graph API: descriptors that remember their attributes, a heuristic, plans, and execution by definition
// (cudnn_graph.h). The heuristic lists engines that a careful caller must not use, besides the ones it may use: one whose sums have no
// order (no two of its runs agree), one that adds up in less than float32, one that rounds to TF32, one that does not support the graph after all,
// one that needs 4 GiB. The library itself and each plan take some of the device's memory.
#include "tests/cuda_emulation/nvidia/cudnn.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "tests/cuda_emulation/nvidia/cudnn_descriptor.h"
#include "tests/cuda_emulation/nvidia/loader.h"

struct cudnnContext {
  cudaStream_t stream = nullptr;
};

namespace emulated {
namespace {

constexpr std::size_t kCodeBytes = 64 << 10, kLibraryBytes = 256 << 10;

std::string& last_error() {
  static std::string text;
  return text;
}

template <class F>
cudnnStatus_t answered(const F& f) {
  try {
    f();
    return CUDNN_STATUS_SUCCESS;
  } catch (const Refusal& r) {
    last_error() = r.why;
    return r.status;
  }
}

std::size_t bytes_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_BOOLEAN:
    case CUDNN_TYPE_CHAR: return 1;
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR: return 8;
    default: return 4;
  }
}

void finalize_graph(Descriptor& d) {
  Graph graph;
  for (void* const raw :
       all<cudnnBackendDescriptor_t>(d, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR)) {
    if (!as(raw).is_final) refuse("an operation is not finalized");
    graph.push_back(operation_of(as(raw)));
  }
  if (const std::string mistake = mistake_in(graph); !mistake.empty()) refuse(mistake);
  d.graph = std::make_shared<const Graph>(std::move(graph));
}

void finalize_heuristic(Descriptor& d) {
  d.graph = part(d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH).graph;
  constexpr auto kTensorCores = CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
  const Engine short_of_float32 = {
      .number = 6, .numerical = {CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION}, .is_wrong = true};
  if (d.graph->front().a.size() > cudnn_settings().most_elements) {
    d.candidates = {short_of_float32};
    return;
  }
  if (one<cudnnBackendHeurMode_t>(d, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE) == CUDNN_HEUR_MODE_FALLBACK) {
    d.candidates = {{.number = 10, .is_compiled = is_missing("precompiled"), .workspace = 512}};
    return;
  }
  if (is_missing("precompiled")) return;
  d.candidates = {{.number = 0, .numerical = {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC}, .is_unsteady = true},
                  short_of_float32,
                  {.number = 1, .finalizes = false, .is_wrong = true},
                  {.number = 2, .workspace = std::int64_t{4} << 30, .is_wrong = true},
                  {.number = 3, .numerical = {kTensorCores}, .workspace = 1000}};
  if (cudnn_settings().first_engine_fails) d.candidates.insert(d.candidates.begin(), {.number = 5, .runs = false});
  if (d.graph->size() > 1 && cudnn_settings().has_a_wrong_fused_engine)
    d.candidates.insert(d.candidates.begin(), {.number = 4, .numerical = {kTensorCores}, .is_wrong = true});
}

void finalize_plan(Descriptor& d) {
  const Descriptor& configuration = part(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
  if (!configuration.engine.finalizes) refuse("this engine does not support the graph", CUDNN_STATUS_NOT_SUPPORTED);
  const auto multiplies = [](const Operation& o) { return o.kind == Operation::Kind::matmul; };
  if (is_missing("NVRTC") && std::any_of(configuration.graph->begin(), configuration.graph->end(), multiplies))
    refuse("Could not open libnvrtc", CUDNN_STATUS_NOT_SUPPORTED);
  void* code = nullptr;
  if (cudaMalloc(&code, kCodeBytes) != cudaSuccess)
    refuse("no memory for the plan's code", CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED);
  d.code = {code, cudaFree};
  d.graph = configuration.graph;
  d.engine = configuration.engine;
}

void finalize(Descriptor& d) {
  if (d.is_final) refuse("a descriptor is finalized twice");
  if (d.kind == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) finalize_graph(d);
  if (d.kind == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR) finalize_heuristic(d);
  if (d.kind == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) finalize_plan(d);
  d.is_final = true;
}

// Writes up to `capacity` values of an attribute that the library computes; returns the number of values that exist.
template <class T>
std::int64_t give(const std::vector<T>& values, std::int64_t capacity, void* to) {
  for (std::int64_t i = 0; i < std::min(capacity, static_cast<std::int64_t>(values.size())); ++i)
    static_cast<T*>(to)[i] = values[static_cast<std::size_t>(i)];
  return static_cast<std::int64_t>(values.size());
}

std::int64_t get(const Descriptor& d, cudnnBackendAttributeName_t name, std::int64_t capacity, void* to) {
  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
      for (std::int64_t i = 0; i < std::min(capacity, static_cast<std::int64_t>(d.candidates.size())); ++i) {
        Descriptor& made = as(static_cast<cudnnBackendDescriptor_t*>(to)[i]);
        made.engine = d.candidates[static_cast<std::size_t>(i)];
        made.graph = d.graph;
        made.is_final = true;
      }
      return static_cast<std::int64_t>(d.candidates.size());
    case CUDNN_ATTR_ENGINECFG_ENGINE:
      if (capacity > 0) as(*static_cast<cudnnBackendDescriptor_t*>(to)).engine = d.engine;
      return 1;
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX: return give(std::vector{d.engine.number}, capacity, to);
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE: return give(d.engine.numerical, capacity, to);
    case CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE:
      return d.engine.is_compiled ? give(std::vector{CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION}, capacity, to) : 0;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE: return give(std::vector{d.engine.workspace}, capacity, to);
    default: refuse("an attribute that cannot be read here");
  }
}

void execute(const cudnnContext& handle, const Descriptor& plan, const Descriptor& pack) {
  if (!plan.is_final || !pack.is_final || !plan.graph) refuse("no plan or no variant pack");
  if (!plan.engine.runs || cudnn_settings().all_engines_fail)
    refuse("this engine cannot run the plan after all", CUDNN_STATUS_NOT_SUPPORTED);
  const auto numbers = all<std::int64_t>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64);
  const auto addresses = all<void*>(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR);
  void* const workspace = one<void*>(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR);
  if (numbers.size() != addresses.size()) refuse("as many numbers as addresses are needed");
  if (plan.engine.workspace > 0 && !simt::device_holds(workspace, static_cast<std::size_t>(plan.engine.workspace)))
    refuse("a workspace that is too small");
  std::map<std::int64_t, void*> given, memory;
  for (std::size_t i = 0; i < numbers.size(); ++i) given[numbers[i]] = addresses[i];
  std::map<std::int64_t, float> scalars;
  for (const Operation& o : *plan.graph)
    for (const TensorDescription* t : {&o.a, &o.b, &o.out}) {
      if (t->is_virtual || (t == &o.b && !o.has_b)) continue;
      const auto found = given.find(t->number);
      if (found == given.end()) refuse("a tensor without an address");
      if (t->is_by_value) {
        if (simt::is_device_memory(found->second)) refuse("a number passed by value lies on the device");
        scalars[t->number] = *static_cast<const float*>(found->second);
        continue;
      }
      const std::size_t bytes = static_cast<std::size_t>(t->extent()) * kelvin::bytes_of(t->type);
      if (!simt::device_holds(found->second, bytes)) refuse("a tensor that is not in device memory as a whole");
      if (reinterpret_cast<std::uintptr_t>(found->second) % static_cast<std::uintptr_t>(t->alignment) != 0)
        refuse("a tensor less aligned than described");
      memory[t->number] = found->second;
    }
  const auto work = [=, graph = plan.graph, engine = plan.engine] {
    if (engine.workspace > 0) std::memset(workspace, 0xff, static_cast<std::size_t>(engine.workspace));
    const bool tf32 = !engine.numerical.empty() && engine.numerical[0] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
    run(*graph, tf32, memory, scalars);
    if (!engine.is_wrong && !engine.is_unsteady) return;
    static int runs = 0;
    const float scale = engine.is_wrong ? 2.0f : 1.0f + 1e-6f * static_cast<float>(++runs % 8);
    for (const Operation& o : *graph)
      if (!o.out.is_virtual) {
        const Elements result = {memory.at(o.out.number), o.out.type};
        for (std::int64_t i = 0; i < o.out.extent(); i += 7) result.set(i, scale * result.get(i));
      }
  };
  if (simt::enqueue(handle.stream, work) != cudaSuccess) refuse("the device failed");
}

}  // namespace

CudnnSettings& cudnn_settings() {
  static CudnnSettings settings;
  return settings;
}

}  // namespace emulated

using namespace emulated;

extern "C" {

std::size_t cudnnGetVersion() { return cudnn_settings().version; }
std::size_t cudnnGetCudartVersion() { return 13000; }
const char* cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_SUCCESS     ? "success"
         : status == CUDNN_STATUS_BAD_PARAM ? "bad parameter"
                                            : "not supported";
}
void cudnnGetLastErrorString(char* message, std::size_t capacity) {
  std::snprintf(message, capacity, "%s (emulated cuDNN)", last_error().c_str());
}
cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  static cudnnContext context;
  void* memory = nullptr;
  if (cudaMalloc(&memory, kLibraryBytes) != cudaSuccess) return CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
  *handle = &context;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* made) {
  *made = new Descriptor{.kind = type};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  delete static_cast<Descriptor*>(descriptor);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, std::int64_t count, const void* values) {
  return answered([&] {
    Descriptor& d = as(descriptor);
    if (d.is_final) refuse("an attribute is set after the descriptor was finalized");
    const auto* const first = static_cast<const std::byte*>(values);
    d.attributes[name] = {type, count, {first, first + static_cast<std::size_t>(count) * bytes_of(type)}};
  });
}
cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t, std::int64_t capacity, std::int64_t* count,
                                       void* values) {
  return answered([&] { *count = get(as(descriptor), name, capacity, values); });
}
cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  return answered([&] { finalize(as(descriptor)); });
}
cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack) {
  return answered([&] { execute(*handle, as(plan), as(pack)); });
}
}
