// exp, the normal distribution, sums and maxima that the compiler can vectorise: without branches, calls, or a serial order of additions.
// For CPU kernels that would otherwise spend their time in libm or in scalar sums (attention, GELU, layer norm).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

namespace kelvin {

// e^x, relative error below 2e-7; x below −87 gives e^−87 (1e-38), x above 88 gives e^88. x = n ln 2 + r with |r| <= ln 2 / 2 and a
// Taylor polynomial in r: the first omitted term, r⁸/8!, is below 6e-9.
inline float vector_exp(float x) {
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 · 2²³: adding and subtracting it rounds to the nearest integer
  x = std::min(std::max(x, -87.0f), 88.0f);
  const float n = (x * kLog2E + kRound) - kRound;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = (p * r + 1.0f) * r + 1.0f;
  return p * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

struct Normal {
  float distribution;  // Φ(x), absolute error below 1e-7
  float density;       // φ(x)
};

// Φ from the rational approximation of erf of Abramowitz & Stegun 7.1.26.
inline Normal vector_normal(float x) {
  constexpr float kRootHalf = 0.70710678f, kDensityAtZero = 0.39894228f;
  const float z = (x < 0 ? -x : x) * kRootHalf;
  const float e = vector_exp(-z * z), t = 1.0f / (1.0f + 0.3275911f * z);
  const float tail =
      0.5f * e * t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  return {x < 0 ? tail : 1.0f - tail, kDensityAtZero * e};
}

// Σ f(i) over i in [0, n), f: index -> float. Sixteen running sums, as many as a vector register holds, combined in a fixed order.
template <class F>
float vector_sum(std::int64_t n, const F& f) {
  constexpr int kLanes = 16;
  float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int l = 0; l < kLanes; ++l) lanes[l] += f(i + l);
  for (; i < n; ++i) lanes[i % kLanes] += f(i);
  double sum = 0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return static_cast<float>(sum);
}

// The largest f(i), −∞ for n = 0.
template <class F>
float vector_max(std::int64_t n, const F& f) {
  constexpr int kLanes = 16;
  float lanes[kLanes];
  std::fill(lanes, lanes + kLanes, -std::numeric_limits<float>::infinity());
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int l = 0; l < kLanes; ++l) lanes[l] = std::max(lanes[l], f(i + l));
  for (; i < n; ++i) lanes[i % kLanes] = std::max(lanes[i % kLanes], f(i));
  return *std::max_element(lanes, lanes + kLanes);
}

}  // namespace kelvin
