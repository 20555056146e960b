// Matrix products that exist only on the GPU, op(m) = m or mᵀ: a product with what follows a convolution, and many products of one shape in one
// call. Deterministic; TF32 where `cuda_settings` allows it. By cuBLASLt or, in float32, split_matmul.h (matmul.cu).
#pragma once

#include "kernels/device/device.h"
#include "kernels/products/matmul.h"

namespace kelvin {

// y = relu?(op(a) · op(b) + residual + bias), rounded to T once or, by some algorithms, after each step; y, a and b as in matmul.h, residual like
// y or y itself, bias [N]; these two may be empty. NaN passes through the ReLU. T: float or bfloat16.
template <class T>
struct MatmulEpilogue {
  View<const T> residual, bias;
  bool relu = false;
};
template <class T>
void matmul(const Cuda& cuda, View<T> y, View<const T> a, View<const T> b, const MatmulEpilogue<T>& epilogue,
            const MatmulOptions& options);

// Matrices as they are stored: row-major, `pitch` elements from row to row and rows · pitch from one to the next.
template <class T>
struct Matrices {
  T* data;
  std::int64_t rows, cols, pitch;
};

// y_i = op(a_i) · op(b_i) for attention and 3x3 convolutions in float32.
void batched_matmul(const Cuda& cuda, std::int64_t count, const Matrices<float>& y, const Matrices<const float>& a,
                    const Matrices<const float>& b, const MatmulOptions& options);

}  // namespace kelvin
