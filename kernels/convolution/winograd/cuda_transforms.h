// The transforms of Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, arXiv 1509.09308) in float32:
//
//   y = A' [(G g G') * (B' d B)] A        d 6x6 of the image, g the 3x3 filter, y 4x4 outputs, * elementwise
//   dg = G' [sum over tiles of (A dy A') * (B' d B)] G
//
// Each transform is applied to lines, along columns and then along rows. The algorithm interpolates a product of polynomials at the points 0, ±a, ±b
// and infinity. With the usual a = 1, b = 2 the errors of float32 outputs are 3.7 to 4 times those of the direct sum; with a = 5/8, b = 3/2 they
// are 1.6 to 1.8 times (tools/bench/winograd_points.py). Both are sums of few powers of two, so all constants below but three are exact. The search
// for such points: Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks" (arXiv
// 1803.10986). Included by .cu files only.
#pragma once

#include "kernels/simt/packs.h"

namespace kelvin::winograd {

inline constexpr int kTileOutputs = 4, kTileInputs = 6, kTilePlaces = kTileInputs * kTileInputs, kTaps = 3;

inline constexpr float kA = 0.625f, kB = 1.5f, kA2 = kA * kA, kB2 = kB * kB;
inline constexpr float kProduct = kA2 * kB2, kSum = kA2 + kB2;
// 1 over the other points' distances from 0, from ±a and from ±b.
inline constexpr float kOf0 = 1 / kProduct, kOfA = 1 / (2 * kA2 * (kA2 - kB2)), kOfB = 1 / (2 * kB2 * (kB2 - kA2));

// B' d
__device__ __forceinline__ Pack<6> input_line(const Pack<6>& d) {
  const float even_a = d[4] - kB2 * d[2], odd_a = kA * (d[3] - kB2 * d[1]);
  const float even_b = d[4] - kA2 * d[2], odd_b = kB * (d[3] - kA2 * d[1]);
  return {{kProduct * d[0] - kSum * d[2] + d[4], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b,
           kProduct * d[1] - kSum * d[3] + d[5]}};
}

// A' m
__device__ __forceinline__ Pack<4> output_line(const Pack<6>& m) {
  const float even_a = m[1] + m[2], odd_a = kA * (m[1] - m[2]), even_b = m[3] + m[4], odd_b = kB * (m[3] - m[4]);
  return {{m[0] + even_a + even_b, odd_a + odd_b, kA2 * even_a + kB2 * even_b, kA2 * odd_a + kB2 * odd_b + m[5]}};
}

// A dy
__device__ __forceinline__ Pack<6> cotangent_line(const Pack<4>& dy) {
  const float even_a = dy[0] + kA2 * dy[2], odd_a = kA * (dy[1] + kA2 * dy[3]);
  const float even_b = dy[0] + kB2 * dy[2], odd_b = kB * (dy[1] + kB2 * dy[3]);
  return {{dy[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, dy[3]}};
}

// G g
__device__ __forceinline__ Pack<6> filter_line(const Pack<3>& g) {
  const float even_a = kOfA * (g[0] + kA2 * g[2]), odd_a = kOfA * kA * g[1];
  const float even_b = kOfB * (g[0] + kB2 * g[2]), odd_b = kOfB * kB * g[1];
  return {{kOf0 * g[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, g[2]}};
}

// G' u
__device__ __forceinline__ Pack<3> filter_gradient_line(const Pack<6>& u) {
  const float even_a = kOfA * (u[1] + u[2]), odd_a = kOfA * kA * (u[1] - u[2]);
  const float even_b = kOfB * (u[3] + u[4]), odd_b = kOfB * kB * (u[3] - u[4]);
  return {{kOf0 * u[0] + even_a + even_b, odd_a + odd_b, kA2 * even_a + kB2 * even_b + u[5]}};
}

template <int kSide>
struct Square {
  Pack<kSide> row[kSide];
};

// T s T', where kLine is the transform T of a line.
template <int kFrom, int kTo, Pack<kTo> (*kLine)(const Pack<kFrom>&)>
__device__ __forceinline__ Square<kTo> transform(const Square<kFrom>& s) {
  Pack<kFrom> half[kTo];  // T s
#pragma unroll
  for (int j = 0; j < kFrom; ++j) {
    Pack<kFrom> column;
#pragma unroll
    for (int i = 0; i < kFrom; ++i) column[i] = s.row[i][j];
    const Pack<kTo> line = kLine(column);
#pragma unroll
    for (int i = 0; i < kTo; ++i) half[i][j] = line[i];
  }
  Square<kTo> out;
#pragma unroll
  for (int i = 0; i < kTo; ++i) out.row[i] = kLine(half[i]);
  return out;
}

}  // namespace kelvin::winograd
