// Matrix products: y = op(a) · op(b) + bias, with op(m) = m or mᵀ.
//
//   op(a) [M, K], op(b) [K, N], y [M, N], bias [N] float32 or empty
//
// T is the storage type of a and b (float or bfloat16); y is Out, accumulation is float32. y must not overlap an input.
// CPU: oneDNN; deterministic for a given thread count.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

struct MatmulOptions {
  bool transpose_a = false;  // a is stored as [K, M]
  bool transpose_b = false;  // b is stored as [N, K]
};

template <class Out, class T>
void matmul(Cpu, View<Out> y, View<const T> a, View<const T> b, View<const float> bias, const MatmulOptions& options);
template <class Out, class T>
void matmul(const Cuda&, View<Out> y, View<const T> a, View<const T> b, View<const float> bias,
            const MatmulOptions& options);

}  // namespace kelvin
