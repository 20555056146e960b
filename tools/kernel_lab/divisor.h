// Many numbers divided by one: the very bits of x / d, in half its instructions. Included by .cu files only.
//
//   const Divisor by_tau(tau);
//   by_tau.divide<4>(values);      values[0 .. 3] /= tau
//
// nvcc makes ten instructions of every division: the reciprocal again, its refinement, quotient, remainder, correction, and a check with a
// branch, past which it moves no load. Here the reciprocal r = RN(1/d) is made once, and x / d is q = RN(x r), corrected once to
// RN(q + RN(x - d q) r) (Markstein 1990, IBM J. Res. Dev. 34): three instructions, two to see that x is usual, one branch for N numbers.
//
// Why these are the bits of the division, for x and d in [1, 2), to which all others scale: the corrected sum, before it is rounded, is within
// 3.5 · 2⁻⁴⁸ of x/d where x < d, and within 2⁻⁴⁷ where x >= d. The midpoints between two floats, where rounding turns, are N · 2⁻⁴⁸/d and
// N · 2⁻⁴⁷/d away from x/d for some whole N ≠ 0. So only pairs with |N| < 7 could be rounded to the other side: there are 46 million,
// and divisor_test.cpp divides them all. Scaling holds while nothing overflows or leaves the normal numbers, remainder
// included; zeros, infinities and numbers beyond 2^±60 take the true division, and their neighbours with them.
#pragma once

#include <cuda_runtime.h>

#include <cmath>

namespace kelvin {

class Divisor {
 public:
  __device__ explicit Divisor(float d) : d_(d), reciprocal_(1.0f / d) {}

  [[nodiscard]] __device__ float operator()(float x) const { return x / d_; }

  template <int N>
  __device__ void divide(float* x) const {
    float least = fabsf(d_), most = fabsf(d_);  // fminf and fmaxf pass NaN over, which gives NaN in either way
#pragma unroll
    for (int k = 0; k < N; ++k) {
      least = fminf(least, fabsf(x[k]));
      most = fmaxf(most, fabsf(x[k]));
    }
    if (N > 1 && least >= 0x1p-60f && most <= 0x1p60f) {
#pragma unroll
      for (int k = 0; k < N; ++k) {
        const float q = x[k] * reciprocal_;
        x[k] = fmaf(fmaf(-d_, q, x[k]), reciprocal_, q);
      }
    } else {
#pragma unroll
      for (int k = 0; k < N; ++k) x[k] /= d_;
    }
  }

 private:
  float d_, reciprocal_;
};

}  // namespace kelvin
