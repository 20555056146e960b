// A descriptor of cuDNN's graph API, an object with typed attributes, as a C++ value. Copies share it, the last copy destroys it, and it keeps the
// descriptors alive that it refers to.
//
//   Descriptor x(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
//   x.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_BFLOAT16).set(CUDNN_ATTR_TENSOR_DIMENSIONS, dims)....finalize("a tensor");
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/libraries/cudnn/library.h"

namespace kelvin::cudnn {

struct DevicePointer {  // descriptors are void* too, so device addresses need a type of their own
  void* address;
};

// The attribute type that goes with a C++ type.
template <class T>
inline constexpr cudnnBackendAttributeType_t attribute_type = CUDNN_TYPE_VOID_PTR;
template <>
inline constexpr auto attribute_type<std::int64_t> = CUDNN_TYPE_INT64;
template <>
inline constexpr auto attribute_type<std::int32_t> = CUDNN_TYPE_INT32;
template <>
inline constexpr auto attribute_type<float> = CUDNN_TYPE_FLOAT;
template <>
inline constexpr auto attribute_type<bool> = CUDNN_TYPE_BOOLEAN;
template <>
inline constexpr auto attribute_type<char> = CUDNN_TYPE_CHAR;
template <>
inline constexpr auto attribute_type<cudnnHandle_t> = CUDNN_TYPE_HANDLE;
template <>
inline constexpr auto attribute_type<cudnnDataType_t> = CUDNN_TYPE_DATA_TYPE;
template <>
inline constexpr auto attribute_type<cudnnConvolutionMode_t> = CUDNN_TYPE_CONVOLUTION_MODE;
template <>
inline constexpr auto attribute_type<cudnnPointwiseMode_t> = CUDNN_TYPE_POINTWISE_MODE;
template <>
inline constexpr auto attribute_type<cudnnNanPropagation_t> = CUDNN_TYPE_NAN_PROPOGATION;
template <>
inline constexpr auto attribute_type<cudnnReduceTensorOp_t> = CUDNN_TYPE_REDUCTION_OPERATOR_TYPE;
template <>
inline constexpr auto attribute_type<cudnnBackendHeurMode_t> = CUDNN_TYPE_HEUR_MODE;
template <>
inline constexpr auto attribute_type<cudnnBackendNumericalNote_t> = CUDNN_TYPE_NUMERICAL_NOTE;
template <>
inline constexpr auto attribute_type<cudnnBackendBehaviorNote_t> = CUDNN_TYPE_BEHAVIOR_NOTE;
template <>
inline constexpr auto attribute_type<cudnnBackendDescriptor_t> = CUDNN_TYPE_BACKEND_DESCRIPTOR;

class Descriptor {
 public:
  Descriptor() = default;  // empty; `bool(d)` is false
  explicit Descriptor(cudnnBackendDescriptorType_t type);

  explicit operator bool() const { return state_ != nullptr; }
  [[nodiscard]] cudnnBackendDescriptor_t raw() const { return state_->raw; }

  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, const T& value) {
    return set_raw(name, attribute_type<T>, 1, &value);
  }
  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, const std::vector<T>& values) {
    return set_raw(name, attribute_type<T>, static_cast<std::int64_t>(values.size()), values.data());
  }
  // The same for an attribute that older libraries do not know: there it stays unset.
  template <class T>
  Descriptor& set_if_known(cudnnBackendAttributeName_t name, const T& value) {
    (void)library().set_attribute(state_->raw, name, attribute_type<T>, 1, &value);
    return *this;
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& value);
  Descriptor& set(cudnnBackendAttributeName_t name, const std::vector<Descriptor>& values);
  Descriptor& finalize(const char* what);  // after this it is immutable
  // Whether finalizing succeeds; the reason is in cudnnGetLastErrorString otherwise.
  [[nodiscard]] cudnnStatus_t try_finalize();

  // The elements of an attribute; empty when it has none.
  template <class T>
  [[nodiscard]] std::vector<T> get_all(cudnnBackendAttributeName_t name) const {
    std::vector<T> values(static_cast<std::size_t>(count(name, attribute_type<T>)));
    if (!values.empty())
      values.resize(static_cast<std::size_t>(read(name, attribute_type<T>, values.size(), values.data())));
    return values;
  }
  template <class T>
  [[nodiscard]] T get(cudnnBackendAttributeName_t name) const {
    T value{};
    read(name, attribute_type<T>, 1, &value);
    return value;
  }
  // Descriptors are read into ones made beforehand.
  [[nodiscard]] std::vector<Descriptor> get_descriptors(cudnnBackendAttributeName_t name,
                                                        cudnnBackendDescriptorType_t type) const;

 private:
  struct State {
    cudnnBackendDescriptor_t raw = nullptr;
    std::vector<std::shared_ptr<State>> uses;
    State() = default;
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;
  };
  Descriptor& set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t n,
                      const void* values);
  [[nodiscard]] std::int64_t count(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const;
  std::int64_t read(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t most,
                    void* values) const;

  std::shared_ptr<State> state_;
};

}  // namespace kelvin::cudnn
