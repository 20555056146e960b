// The transforms of F(4x4, 3x3) (algorithms.h) on the GPU. Included by .cu files only.
#pragma once

#include "kernels/convolution/winograd/algorithms.h"
#include "kernels/simt/packs.h"

namespace kelvin::winograd {

inline constexpr int kTileOutputs = F4x4::kOutputs, kTileInputs = F4x4::kInputs, kTilePlaces = F4x4::kPlaces;

__device__ __forceinline__ Pack<6> input_line(const Pack<6>& d) { return F4x4::input<Pack<6>>(d.v); }
__device__ __forceinline__ Pack<4> output_line(const Pack<6>& m) { return F4x4::output<Pack<4>>(m.v); }
__device__ __forceinline__ Pack<6> cotangent_line(const Pack<4>& dy) { return F4x4::cotangent<Pack<6>>(dy.v); }
__device__ __forceinline__ Pack<6> filter_line(const Pack<3>& g) { return F4x4::filter<Pack<6>>(g.v); }
__device__ __forceinline__ Pack<3> filter_gradient_line(const Pack<6>& u) {
  return F4x4::filter_gradient<Pack<3>>(u.v);
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
