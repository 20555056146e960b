// Products of float32 matrices on tensor cores without TF32's loss: a factor is the sum of two TF32 numbers, its first 11 bits and its next 11, and
// a · b = low·high + high·low + high·high, each exact. What is left out, low·low and what lies beyond 22 bits, is 2⁻²¹ of a product at the most, and the sum of
// 8 products is added to the others outside the tensor cores, which cut off where float32 rounds. Results are nearer to float64's than those of
// float32's own units, a quarter to two thirds as far for sums of 64 to 131,072 terms (matmul_lab). Markidis et al., "NVIDIA Tensor Core Programmability, Performance & Precision"
// (arXiv 1803.04014); Ootomo and Yokota, "Recovering single precision accuracy from Tensor Cores while surpassing the FP32 theoretical
// peak performance" (arXiv 2203.03341). Competes with cuBLASLt in matmul.cu.
//
// Not as float32's units do it: a factor that is infinite, or that TF32 rounds to infinity, makes NaN; of factors below 2⁻¹¹⁵ fewer bits count, of denormal ones few or none.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/device/device.h"

namespace kelvin {

// y_i = relu?(op(a_i) · op(b_i) + residual + bias) for `count` products, with a [M, K] or as it is stored [K, M], b [K, N] or [N, K], y and residual
// [M, N], bias [N]. Row-major; a pitch is the number of elements from row to row, 0 where rows follow one another, and matrices of one kind lie
// rows · pitch apart. Residual, which may be y, and bias may be null.
struct FloatProduct {
  float* y = nullptr;
  const float *a = nullptr, *b = nullptr, *residual = nullptr, *bias = nullptr;
  std::int64_t m = 0, n = 0, k = 0, count = 1;
  std::int64_t a_pitch = 0, b_pitch = 0, y_pitch = 0;
  bool transpose_a = false, transpose_b = false, relu = false;
};

// How the work is shared: whether the warps of a block make a part of its tile each or two the same, every other of its terms (then their parts are
// larger, and less is read and split twice), and the parts that the sum is cut into, each a block's.
struct SplitTiling {
  bool in_pairs = false;
  std::int64_t parts = 1;
};

// Those worth trying. None where rows or addresses (but the bias's) are no multiples of 16 bytes, both factors are transposed or, unless there is no
// other way, there is too little to do for it to matter, and none with KELVIN_SPLIT_PRODUCTS=0 in the environment.
[[nodiscard]] std::vector<SplitTiling> split_tilings(const FloatProduct& product, bool even_if_small = false);
// KELVIN_SPLIT_PRODUCTS=always, for tests: wherever there is a tiling the first is taken, however little there is to do.
[[nodiscard]] bool must_split();

// Of a product that has tilings, or would have if it were larger; y overlaps neither factor. Deterministic for a given tiling. Scratch: `parts` times y
// where that is more than one.
void split_matmul(const Cuda&, const FloatProduct& product, const SplitTiling& tiling);

}  // namespace kelvin
