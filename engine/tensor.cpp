#include "engine/tensor.h"

#include <atomic>

#include "kernels/arrays/elementwise.h"
#include "kernels/device/pool.h"
#include "kernels/device/transfer.h"

namespace kelvin {
namespace {

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> counter{0};
  return ++counter;
}

}  // namespace

void* Tensor::data() const {
  return static_cast<char*>(storage_.get()) + static_cast<std::size_t>(offset_) * bytes_of(dtype_);
}

Tensor Tensor::empty(Shape shape, DType dtype, Device device) {
  Tensor t;
  t.shape_ = shape;
  t.dtype_ = dtype;
  t.device_ = device;
  t.id_ = next_id();
  const std::size_t bytes = static_cast<std::size_t>(shape.size()) * bytes_of(dtype);
  t.storage_ = on(device, [&](const auto& dev) {
    return std::shared_ptr<void>(pool_allocate(dev, bytes), [device, bytes](void* block) {
      on(device, [&](const auto& owner) { pool_free(owner, block, bytes); });
    });
  });
  return t;
}

Tensor Tensor::full(Shape shape, float value, DType dtype, Device device) {
  Tensor t = empty(shape, dtype, device);
  if (dtype == DType::i32) {
    on(device, [&](const auto& dev) { fill(dev, t.view<std::int32_t>(), static_cast<std::int32_t>(value)); });
  } else {
    dispatch_float(dtype,
                   [&]<class T>(Type<T>) { on(device, [&](const auto& dev) { fill(dev, t.view<T>(), T(value)); }); });
  }
  return t;
}

template <class T>
Tensor Tensor::from_host(std::span<const T> values, Shape shape, Device device) {
  Tensor t = empty(shape, dtype_of<T>, device);
  t.copy_from_host(values);
  return t;
}
template Tensor Tensor::from_host(std::span<const float>, Shape, Device);
template Tensor Tensor::from_host(std::span<const bfloat16>, Shape, Device);
template Tensor Tensor::from_host(std::span<const std::int32_t>, Shape, Device);
template Tensor Tensor::from_host(std::span<const std::uint8_t>, Shape, Device);

template <class T>
void Tensor::copy_from_host(std::span<const T> values) const {
  KELVIN_CHECK(static_cast<std::int64_t>(values.size()) == size(), values.size(), " values for shape ", shape_);
  on(device_,
     [&](const auto& dev) { kelvin::copy_from_host(dev, view<T>().data, values.data(), values.size_bytes()); });
}
template void Tensor::copy_from_host(std::span<const float>) const;
template void Tensor::copy_from_host(std::span<const bfloat16>) const;
template void Tensor::copy_from_host(std::span<const std::int32_t>) const;
template void Tensor::copy_from_host(std::span<const std::uint8_t>) const;

Tensor Tensor::reshape(Shape shape) const {
  KELVIN_CHECK(shape.size() == size(), "cannot fold ", shape_, " into ", shape);
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::narrow(std::int64_t begin, std::int64_t count) const {
  KELVIN_CHECK(shape_.rank() > 0 && begin >= 0 && count >= 0 && begin + count <= dim(0), "rows ", begin, "..",
               begin + count, " of ", shape_);
  Tensor t = *this;
  t.shape_ = Shape{count};
  for (int i = 1; i < shape_.rank(); ++i) t.shape_.push_back(dim(i));
  t.offset_ += begin * (dim(0) > 0 ? size() / dim(0) : 0);
  t.id_ = next_id();
  return t;
}

Tensor Tensor::clone() const {
  Tensor t = empty_like(*this);
  t.copy_from(*this);
  return t;
}

void Tensor::copy_from(const Tensor& other) const {
  KELVIN_CHECK(other.size() == size() && other.dtype() == dtype_ && other.device() == device_, "copy of ",
               other.shape(), " into ", shape_);
  const std::size_t bytes = static_cast<std::size_t>(size()) * bytes_of(dtype_);
  on(device_, [&](const auto& dev) { copy_on_device(dev, data(), other.data(), bytes); });
}

Tensor Tensor::to(Device device) const {
  if (device == device_) return *this;
  Tensor t = empty(shape_, dtype_, device);
  const std::size_t bytes = static_cast<std::size_t>(size()) * bytes_of(dtype_);
  if (device_.kind == DeviceKind::cpu) {
    on(device, [&](const auto& dev) { kelvin::copy_from_host(dev, t.data(), data(), bytes); });
  } else {
    KELVIN_CHECK(device.kind == DeviceKind::cpu, "a copy between GPUs");
    on(device_, [&](const auto& dev) { copy_to_host(dev, t.data(), data(), bytes); });
  }
  return t;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_) return *this;
  Tensor t = empty(shape_, dtype, device_);
  dispatch_float(dtype_, [&]<class From>(Type<From>) {
    dispatch_float(dtype, [&]<class To>(Type<To>) {
      on(device_, [&](const auto& dev) { convert(dev, t.view<To>(), view<const From>()); });
    });
  });
  return t;
}

template <class T>
std::vector<T> Tensor::to_host() const {
  const View<const T> v = view<const T>();
  std::vector<T> values(static_cast<std::size_t>(v.size()));
  on(device_, [&](const auto& dev) { copy_to_host(dev, values.data(), v.data, values.size() * sizeof(T)); });
  return values;
}
template std::vector<float> Tensor::to_host() const;
template std::vector<bfloat16> Tensor::to_host() const;
template std::vector<std::int32_t> Tensor::to_host() const;
template std::vector<std::uint8_t> Tensor::to_host() const;

float Tensor::item() const {
  KELVIN_CHECK(size() == 1, "item() of shape ", shape_);
  return to_host<float>()[0];
}

}  // namespace kelvin
