// Products with numbers in device memory, and rows scaled to a norm: float32.
#pragma once

#include "engine/tensor.h"

namespace kelvin {

// factor · x; factor [1] is not differentiated
[[nodiscard]] Tensor multiply(const Tensor& x, const Tensor& factor);

// e^s of one number: a temperature that is learned as its logarithm
[[nodiscard]] Tensor exponential(const Tensor& s);

// Rows of x [N, d] scaled to norm `scale`; the gradient is orthogonal to the row (kernels/layers/normalize_rows.h)
[[nodiscard]] Tensor normalize_rows(const Tensor& x, float scale);

}  // namespace kelvin
