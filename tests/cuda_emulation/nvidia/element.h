// Numbers of either element type in device memory, for the stand-ins of NVIDIA's libraries.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/device/dtype.h"

namespace emulated {

// A base address and the type of its elements.
struct Elements {
  void* address = nullptr;
  kelvin::DType type = kelvin::DType::f32;

  [[nodiscard]] float get(std::int64_t i) const {
    return type == kelvin::DType::f32 ? static_cast<const float*>(address)[i]
                                      : static_cast<float>(static_cast<const kelvin::bfloat16*>(address)[i]);
  }
  void set(std::int64_t i, float value) const {
    if (type == kelvin::DType::f32)
      static_cast<float*>(address)[i] = value;
    else
      static_cast<kelvin::bfloat16*>(address)[i] = value;
  }
};

// A factor as the tensor cores read float32: TF32, ten bits of mantissa.
[[nodiscard]] inline float as_tf32(float value) {
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(value) + 0x1000u) & ~0x1fffu);
}

// Σ a b, in eight sums that are added in the end.
[[nodiscard]] inline float dot(const float* a, const float* b, std::int64_t n) {
  constexpr std::int64_t kLanes = 8;
  float sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) sums[l] += a[i + l] * b[i + l];
  double sum = 0;
  for (const float s : sums) sum += s;
  for (; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return static_cast<float>(sum);
}

}  // namespace emulated
