// Devices as tags. Every kernel is a free function overloaded on its first argument: Cpu or const Cuda&.
//
//   void relu_forward(Cpu,         View<T> y, View<const T> x);
//   void relu_forward(const Cuda&, View<T> y, View<const T> x);
//   on(x.device(), [&](const auto& dev) { relu_forward(dev, y.view<T>(), x.view<const T>()); });
//
// Argument order everywhere: device, outputs, inputs, scalars.
#pragma once

#include <utility>

namespace kelvin {

struct Cpu {};
class Cuda;  // stream, cuDNN and cuBLAS handles; complete only inside kernels/

enum class DeviceKind { cpu, cuda };

struct Device {
  DeviceKind kind = DeviceKind::cpu;
  const Cuda* cuda = nullptr;  // set exactly when kind == cuda
  bool operator==(const Device&) const = default;
};

[[nodiscard]] constexpr const char* name_of(DeviceKind kind) { return kind == DeviceKind::cpu ? "cpu" : "cuda"; }

// Calls f with the tag of the device: the one place where the build's devices are told apart.
template <class F>
decltype(auto) on([[maybe_unused]] const Device& device, F&& f) {
#if KELVIN_CUDA
  if (device.kind == DeviceKind::cuda) return std::forward<F>(f)(*device.cuda);
#endif
  return std::forward<F>(f)(Cpu{});
}

}  // namespace kelvin
