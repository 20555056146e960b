// A number that the host sets and a recorded step reads: float32 [1] in device memory. It is written only where it has changed, because on
// a GPU every write is a copy of its own, and a small network's whole step takes no longer than some hundred of them.
#pragma once

#include <span>

#include "engine/tensor.h"

namespace kelvin {

class DeviceNumber {
 public:
  DeviceNumber(double value, Device device)
      : tensor_(Tensor::full({1}, static_cast<float>(value), DType::f32, device)), value_(static_cast<float>(value)) {}

  void set(double value) {
    const auto rounded = static_cast<float>(value);
    if (rounded == value_) return;
    value_ = rounded;
    tensor_.copy_from_host(std::span<const float>(&value_, 1));
  }
  [[nodiscard]] const Tensor& tensor() const { return tensor_; }  // to be written by `set` alone

 private:
  Tensor tensor_;
  float value_;
};

}  // namespace kelvin
