// A descriptor of the stand-in for cuDNN, and reading its attributes: each must have been set with the type that it has.
#pragma once

#include <cudnn_graph.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/cuda_emulation/nvidia/cudnn_graph.h"

namespace emulated {

struct Engine {
  std::int64_t number = 0;
  std::vector<cudnnBackendNumericalNote_t> numerical = {};
  bool is_compiled = false;  // at run time
  std::int64_t workspace = 0;
  bool finalizes = true, runs = true, is_wrong = false, is_unsteady = false;
};

struct Attribute {
  cudnnBackendAttributeType_t type{};
  std::int64_t count = 0;
  std::vector<std::byte> bytes;
};

struct Descriptor {
  cudnnBackendDescriptorType_t kind{};
  bool is_final = false;
  std::map<cudnnBackendAttributeName_t, Attribute> attributes = {};
  std::shared_ptr<const Graph> graph = {};  // of a graph and what is made from it
  Engine engine = {};                       // of a configuration and what is made from it
  std::shared_ptr<void> code = {};          // of a plan, in device memory
  std::vector<Engine> candidates = {};      // by a heuristic
};

struct Refusal {
  cudnnStatus_t status;
  std::string why;
};
[[noreturn]] inline void refuse(const std::string& why, cudnnStatus_t status = CUDNN_STATUS_BAD_PARAM) {
  throw Refusal{status, why};
}

inline Descriptor& as(cudnnBackendDescriptor_t raw) {
  if (raw == nullptr) refuse("no descriptor");
  return *static_cast<Descriptor*>(raw);
}

// All values of an attribute, which must have been set with the type that it has.
template <class T>
std::vector<T> all(const Descriptor& d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) {
  const auto found = d.attributes.find(name);
  if (found == d.attributes.end()) refuse("an attribute is missing");
  if (found->second.type != type) refuse("an attribute was set with another type than it has");
  std::vector<T> values(static_cast<std::size_t>(found->second.count));
  std::memcpy(values.data(), found->second.bytes.data(), values.size() * sizeof(T));
  return values;
}
template <class T>
T one(const Descriptor& d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) {
  const std::vector<T> values = all<T>(d, name, type);
  if (values.size() != 1) refuse("an attribute has one value");
  return values[0];
}
inline std::int64_t number(const Descriptor& d, cudnnBackendAttributeName_t name) {
  return one<std::int64_t>(d, name, CUDNN_TYPE_INT64);
}
inline const Descriptor& part(const Descriptor& d, cudnnBackendAttributeName_t name) {
  const Descriptor& found = as(one<cudnnBackendDescriptor_t>(d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR));
  if (!found.is_final) refuse("a descriptor in use is not finalized");
  return found;
}
// The operation that a descriptor describes.
[[nodiscard]] Operation operation_of(const Descriptor& d);

}  // namespace emulated
