// The transforms of Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray, arXiv 1509.09308, section 4.1), on sixteen
// channels at a time:
//
//   y = A' [(G g G') * (B' d B)] A        d 4x4 of the image, g the 3x3 filter, y 2x2 outputs, * elementwise
//
//   B' = 1  0 -1  0     G =  1   0   0     A' = 1  1  1  0
//        0  1  1  0         1/2 1/2 1/2         0  1 -1 -1
//        0 -1  1  0         1/2 -1/2 1/2
//        0  1  0 -1          0   0   1
//
// and its transpose for the filter gradient: dg = G' [sum over tiles of (A dy A') * (B' d B)] G. The 4x4 places of a tile are
// numbered row by row. All arithmetic is float32.
#pragma once

#include <array>

#include "kernels/device/lanes.h"

namespace kelvin::winograd {

inline constexpr int kPlaces = 16;

template <std::size_t n>
using LaneArray = std::array<Lanes, n>;

// B' d B
[[gnu::always_inline]] inline LaneArray<16> transform_input(const LaneArray<16>& d) {
  LaneArray<16> half, out;
  for (int j = 0; j < 4; ++j) {
    half[j] = d[j] - d[8 + j];
    half[4 + j] = d[4 + j] + d[8 + j];
    half[8 + j] = d[8 + j] - d[4 + j];
    half[12 + j] = d[4 + j] - d[12 + j];
  }
  for (int i = 0; i < 16; i += 4) {
    out[i] = half[i] - half[i + 2];
    out[i + 1] = half[i + 1] + half[i + 2];
    out[i + 2] = half[i + 2] - half[i + 1];
    out[i + 3] = half[i + 1] - half[i + 3];
  }
  return out;
}

// A' m A: the 2x2 outputs, row by row
[[gnu::always_inline]] inline LaneArray<4> transform_output(const LaneArray<16>& m) {
  LaneArray<8> half;
  for (int j = 0; j < 4; ++j) {
    half[j] = m[j] + m[4 + j] + m[8 + j];
    half[4 + j] = m[4 + j] - m[8 + j] - m[12 + j];
  }
  return {half[0] + half[1] + half[2], half[1] - half[2] - half[3],  //
          half[4] + half[5] + half[6], half[5] - half[6] - half[7]};
}

// A dy A'
[[gnu::always_inline]] inline LaneArray<16> transform_cotangent(const LaneArray<4>& dy) {
  const LaneArray<8> half = {dy[0], dy[1], dy[0] + dy[2], dy[1] + dy[3], dy[0] - dy[2], dy[1] - dy[3], -dy[2], -dy[3]};
  LaneArray<16> out;
  for (int i = 0; i < 4; ++i) {
    const Lanes &a = half[2 * i], &b = half[2 * i + 1];
    out[4 * i] = a;
    out[4 * i + 1] = a + b;
    out[4 * i + 2] = a - b;
    out[4 * i + 3] = -b;
  }
  return out;
}

// G g G'
[[gnu::always_inline]] inline LaneArray<16> transform_filter(const LaneArray<9>& g) {
  LaneArray<12> half;
  for (int j = 0; j < 3; ++j) {
    const Lanes outer = g[j] + g[6 + j];
    half[j] = g[j];
    half[3 + j] = 0.5f * (outer + g[3 + j]);
    half[6 + j] = 0.5f * (outer - g[3 + j]);
    half[9 + j] = g[6 + j];
  }
  LaneArray<16> out;
  for (int i = 0; i < 4; ++i) {
    const Lanes outer = half[3 * i] + half[3 * i + 2];
    out[4 * i] = half[3 * i];
    out[4 * i + 1] = 0.5f * (outer + half[3 * i + 1]);
    out[4 * i + 2] = 0.5f * (outer - half[3 * i + 1]);
    out[4 * i + 3] = half[3 * i + 2];
  }
  return out;
}

// G' m G
[[gnu::always_inline]] inline LaneArray<9> transform_filter_gradient(const LaneArray<16>& m) {
  LaneArray<12> half;
  for (int j = 0; j < 4; ++j) {
    half[j] = m[j] + 0.5f * (m[4 + j] + m[8 + j]);
    half[4 + j] = 0.5f * (m[4 + j] - m[8 + j]);
    half[8 + j] = m[12 + j] + 0.5f * (m[4 + j] + m[8 + j]);
  }
  LaneArray<9> out;
  for (int i = 0; i < 3; ++i) {
    const Lanes *row = &half[4 * i], sum = row[1] + row[2];
    out[3 * i] = row[0] + 0.5f * sum;
    out[3 * i + 1] = 0.5f * (row[1] - row[2]);
    out[3 * i + 2] = row[3] + 0.5f * sum;
  }
  return out;
}

}  // namespace kelvin::winograd
