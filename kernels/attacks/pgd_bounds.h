// What pgd_step.cpp and pgd_step.cu compute of one pixel, the same arithmetic on every device: the ε-ball and the pixel box
// as float32 intervals, and the momentum.
//
// A bound is the float32 number furthest from x0 that still lies inside in exact arithmetic: a double holds the difference of two
// float32 numbers in [0, 1] to far below their rounding, so one comparison says whether the rounded sum went outside.
#pragma once

#include <bit>
#include <cstdint>

namespace kelvin {

// min and max of two numbers, written out because nvcc's device code has no std::
constexpr float smaller(float a, float b) { return b < a ? b : a; }
constexpr float larger(float a, float b) { return a < b ? b : a; }

constexpr float clamp_to_box(float v) { return smaller(larger(v, 0.0f), 1.0f); }

// The largest h with h − x0 <= eps and h <= 1.
constexpr float ball_upper_bound(float x0, float eps) {
  const float h = x0 + eps;
  const bool is_outside = static_cast<double>(h) - static_cast<double>(x0) > static_cast<double>(eps);
  return smaller(1.0f, is_outside ? std::bit_cast<float>(std::bit_cast<std::uint32_t>(h) - 1) : h);
}

// The smallest l with x0 − l <= eps and l >= 0.
constexpr float ball_lower_bound(float x0, float eps) {
  const float l = x0 - eps;
  if (l <= 0.0f) return 0.0f;
  const bool is_outside = static_cast<double>(x0) - static_cast<double>(l) > static_cast<double>(eps);
  return is_outside ? std::bit_cast<float>(std::bit_cast<std::uint32_t>(l) + 1) : l;
}

constexpr float project_linf(float v, float x0, float eps) {
  return smaller(larger(v, ball_lower_bound(x0, eps)), ball_upper_bound(x0, eps));
}

// decay·m + g/mean|g|; in double, because 1/mean|g| may be too large for float32.
constexpr float momentum_of(float m, float g, double mean, float decay) {
  return static_cast<float>(static_cast<double>(decay) * m + (mean > 0 ? g / mean : 0.0));
}

// Philox counters of one image's random start: 2^24 groups of four numbers.
constexpr std::uint64_t first_start_counter(std::int32_t image_index) {
  return static_cast<std::uint64_t>(image_index) << 24;
}

}  // namespace kelvin
