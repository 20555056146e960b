// Which elements a ReLU let through, one bit each: all that its backward needs of its output, in a sixteenth of bfloat16's bytes.
//
//   bit i % 8 of byte i / 8 is 1 where y[i] > 0, i the number of an element in memory
//
// A kernel that makes y may look before it rounds: a bit can be 1 where a positive value below 1e-40 became a bfloat16 0.
//
// A mask has `relu_mask_bytes(n)` bytes: the last three belong to no element, so that four bytes may be read anywhere.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

[[nodiscard]] constexpr std::int64_t relu_mask_bytes(std::int64_t n) { return (n + 7) / 8 + 3; }

// The mask of y, in a pass of its own: for layouts that the kernel which makes y does not serve. T: float or bfloat16.
template <class T>
void relu_mask(Cpu, View<std::uint8_t> mask, View<const T> y);
template <class T>
void relu_mask(const Cuda&, View<std::uint8_t> mask, View<const T> y);

}  // namespace kelvin
