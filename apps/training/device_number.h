// A number that the host sets and a recorded step reads: float32 [1] in device memory. It is written only if it has changed, because on a GPU
// each write is a separate copy, and a whole step of a small network takes only as long as some hundred copies.
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
  [[nodiscard]] const Tensor& tensor() const { return tensor_; }  // only `set` writes it

 private:
  Tensor tensor_;
  float value_;
};

}  // namespace kelvin
