// Many matrix products of one shape in one call, on the GPU only, for attention and 3x3 convolutions in float32: y_i = op(a_i) · op(b_i) or, if it
// `adds`, y_i += that; op(m) = m or mᵀ.
// Deterministic; TF32 where `cuda_settings` allows it. cuBLASLt (matmul.cu).
#pragma once

#include "kernels/device/device.h"
#include "kernels/matmul.h"

namespace kelvin {

// Matrices as they are stored: row-major, `pitch` elements from row to row and rows · pitch from one to the next.
template <class T>
struct Matrices {
  T* data;
  std::int64_t rows, cols, pitch;
};

void batched_matmul(const Cuda& cuda, std::int64_t count, const Matrices<float>& y, const Matrices<const float>& a,
                    const Matrices<const float>& b, const MatmulOptions& options, bool adds = false);

}  // namespace kelvin
