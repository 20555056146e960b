// Products of float32 matrices on tensor cores without TF32's loss of precision. A factor is the sum of two TF32 numbers, its first 11 bits and its
// next 11, and a · b = low·high + high·low + high·high, each exact. The rest, low·low and what lies beyond 22 bits, is at most 2⁻²¹ of a product. The
// sum of 8 products is added to the others outside the tensor cores, because these truncate where float32 rounds. The errors against float64 are a
// quarter to two thirds of those of the float32 units, for sums of 64 to 131,072 terms (matmul_lab). matmul.cu chooses between this and cuBLASLt.
// Markidis et al., "NVIDIA Tensor Core Programmability, Performance & Precision" (arXiv 1803.04014); Ootomo and Yokota, "Recovering single
// precision accuracy from Tensor Cores while surpassing the FP32 theoretical peak performance" (arXiv 2203.03341).
//
// Differs from the float32 units: a factor that is infinite, or that TF32 rounds to infinity, gives NaN; of factors below 2⁻¹¹⁵ fewer bits count,
// of denormal ones few or none.
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

// How the work is divided. Each warp of a block computes a part of the block's tile; `in_pairs`, two warps share a part that is twice as large, each
// with every other step of the terms, so that fewer numbers are read and split twice. `parts`: the sum is cut into as many, a block for each.
struct SplitTiling {
  bool in_pairs = false;
  std::int64_t parts = 1;
};

// The tilings worth trying. None where rows or addresses (except the bias's) are no multiples of 16 bytes, where both factors are transposed, where
// the product is too small to matter (unless `even_if_small`), or with KELVIN_SPLIT_PRODUCTS=0 in the environment.
[[nodiscard]] std::vector<SplitTiling> split_tilings(const FloatProduct& product, bool even_if_small = false);
// KELVIN_SPLIT_PRODUCTS=always, for tests: the first tiling is used wherever there is one, however small the product.
[[nodiscard]] bool must_split();

// Computes a product that has tilings, or would have if it were larger. y overlaps neither factor. Deterministic for a given tiling. Scratch memory:
// `parts` times y where `parts` is more than one.
void split_matmul(const Cuda&, const FloatProduct& product, const SplitTiling& tiling);

}  // namespace kelvin
