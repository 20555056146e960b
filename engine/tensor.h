// Tensor: shared storage + shape + element type + device + identity.
//
// Always contiguous and row-major. Copying a Tensor copies the handle, not the elements. `reshape` keeps the identity
// (a gradient belongs to the elements, not to their shape); `narrow` and `clone` make a new one.
// Images are [N, H, W, C], filters [K, R, S, C], matrices [rows, cols].
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

class Tensor {
 public:
  Tensor() = default;  // no storage; `bool(t)` is false

  // Elements are not initialised.
  [[nodiscard]] static Tensor empty(Shape shape, DType dtype, Device device = {});
  [[nodiscard]] static Tensor full(Shape shape, float value, DType dtype = DType::f32, Device device = {});
  [[nodiscard]] static Tensor zeros(Shape shape, DType dtype = DType::f32, Device device = {}) {
    return full(shape, 0.0f, dtype, device);
  }
  // Copies from host memory. Throws unless values.size() == shape.size().
  template <class T>
  [[nodiscard]] static Tensor from_host(std::span<const T> values, Shape shape, Device device = {});
  // Same shape, element type and device as `like`, not initialised.
  [[nodiscard]] static Tensor empty_like(const Tensor& like) {
    return empty(like.shape(), like.dtype(), like.device());
  }

  explicit operator bool() const { return storage_ != nullptr; }
  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] std::int64_t dim(int i) const { return shape_[i]; }
  [[nodiscard]] std::int64_t size() const { return shape_.size(); }
  [[nodiscard]] DType dtype() const { return dtype_; }
  [[nodiscard]] Device device() const { return device_; }
  // Unique among live and dead tensors; 0 for an empty handle.
  [[nodiscard]] std::uint64_t id() const { return id_; }
  // True when no other Tensor shares these elements, so that they may be overwritten.
  [[nodiscard]] bool is_sole_owner() const { return storage_ != nullptr && storage_.use_count() == 1; }

  // The elements as T. Throws unless T is the tensor's element type. Device memory on a CUDA tensor.
  template <class T>
  [[nodiscard]] View<T> view() const {
    KELVIN_CHECK(dtype_of<T> == dtype_, "tensor of ", name_of(dtype_), " read as ", name_of(dtype_of<T>));
    return {static_cast<T*>(data()), shape_};
  }

  [[nodiscard]] Tensor reshape(Shape shape) const;                            // same elements, same identity
  [[nodiscard]] Tensor narrow(std::int64_t begin, std::int64_t count) const;  // rows [begin, begin+count), no copy
  [[nodiscard]] Tensor clone() const;
  // Overwrites the elements with values from host memory. Throws unless the sizes agree.
  template <class T>
  void copy_from_host(std::span<const T> values) const;
  template <class T>
  void copy_from_host(const std::vector<T>& values) const {
    copy_from_host(std::span<const T>(values));
  }
  // Overwrites the elements with those of a tensor of the same size, element type and device.
  void copy_from(const Tensor& other) const;
  [[nodiscard]] Tensor to(DType dtype) const;  // converted copy; *this when nothing changes
  [[nodiscard]] Tensor to(
      Device device) const;  // copy on another device; *this when nothing changes; to the CPU: synchronises
  template <class T>
  [[nodiscard]] std::vector<T> to_host() const;  // synchronises; float32 view of bfloat16 is `to(f32).to_host<float>()`
  [[nodiscard]] float item() const;              // the only element of a float32 tensor; synchronises

 private:
  [[nodiscard]] void* data() const;

  std::shared_ptr<void> storage_;
  std::int64_t offset_ = 0;  // elements from the start of the storage
  Shape shape_;
  DType dtype_ = DType::f32;
  Device device_;
  std::uint64_t id_ = 0;
};

// f(device tag, Type<T>) for the device and the floating-point element type of t.
template <class F>
void on_typed(const Tensor& t, const F& f) {
  dispatch_float(t.dtype(), [&](auto type) { on(t.device(), [&](const auto& dev) { f(dev, type); }); });
}

}  // namespace kelvin
