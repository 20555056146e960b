// Which elements a ReLU let through, one bit each: all that the backward pass needs, in a sixteenth of the bytes of a bfloat16 output.
//
//   bit i % 8 of byte i / 8 is 1 where y[i] > 0, i the number of an element in memory
//
// A kernel that makes y may test it before rounding: then a bit is 1 where a positive value below 1e-40 became a bfloat16 0.
//
// A mask has `relu_mask_bytes(n)` bytes: the last three belong to no element, so that four bytes may be read anywhere.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

[[nodiscard]] constexpr std::int64_t relu_mask_bytes(std::int64_t n) { return (n + 7) / 8 + 3; }

// The mask of y, in a separate pass: for layouts in which the kernel that makes y cannot write it. T: float or bfloat16.
template <class T>
void relu_mask(Cpu, View<std::uint8_t> mask, View<const T> y);
template <class T>
void relu_mask(const Cuda&, View<std::uint8_t> mask, View<const T> y);

}  // namespace kelvin
