// Inverted dropout (Srivastava et al. 2014) and stochastic depth (Huang et al. 2016, 1603.09382), which is dropout with one draw an image:
//   y_i = x_i · m_j / (1 − rate),   m_j = 1[u_j >= rate],   j = first_draw + i / per_draw
// The mask is never stored. u_j is word j mod 4 of Philox at counter (step · 2³² + j / 4), so that forward, backward and a recomputation
// of the forward draw the same mask as long as `step` holds the same number, for any thread count and on any device. `step` is device
// memory: a recorded step draws new masks at every replay. The function is its own backward: dx = dropout(dy).
//
// x, y: T [n], y may be x; T: float or bfloat16, arithmetic in float32. 0 <= rate < 1; fewer than 2³⁴ draws.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/philox.h"
#include "kernels/device/view.h"

namespace kelvin {

struct DropoutOptions {
  RandomKey key;
  float rate = 0;
  std::int64_t first_draw = 0;  // x may be a part of a larger array, which gets the same masks as in the whole
  std::int64_t per_draw = 1;    // neighbouring elements that share one draw: 1, or the elements of an image
};

template <class T>
void dropout(Cpu, View<T> y, View<const T> x, View<const std::int32_t> step, const DropoutOptions& options);
template <class T>
void dropout(const Cuda&, View<T> y, View<const T> x, View<const std::int32_t> step, const DropoutOptions& options);

// The words of draws 4 group to 4 group + 3.
[[nodiscard]] constexpr std::array<std::uint32_t, 4> dropout_words(RandomKey key, std::int32_t step,
                                                                   std::int64_t group) {
  return philox(
      key, (static_cast<std::uint64_t>(static_cast<std::uint32_t>(step)) << 32) | static_cast<std::uint64_t>(group));
}

}  // namespace kelvin
