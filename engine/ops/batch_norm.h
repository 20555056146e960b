// Batch normalisation over the last dimension, fused with residual addition and ReLU (kernels/layers/batch_norm.h):
//   y = relu?( γ (x − mean) / sqrt(var + ε) + β + residual )
#pragma once

#include "engine/tensor.h"

namespace kelvin {

inline constexpr float kBatchNormEps = 1e-5f;
inline constexpr float kBatchNormMomentum = 0.1f;

// All float32 [C].
struct BatchNormTensors {
  Tensor gamma, beta, running_mean, running_variance;
};

// Statistics of the batch, or of the batches of all ranks of a parallel run (kernels/processes/processes.h; then the call is collective, and so
// is its backward); moves the running statistics. x float32 or bfloat16 [..., C]; residual like x, or empty.
[[nodiscard]] Tensor batch_norm_train(const Tensor& x, const BatchNormTensors& norm, const Tensor& residual, bool relu,
                                      bool over_ranks = false);

// Running statistics, which stay as they are.
[[nodiscard]] Tensor batch_norm_eval(const Tensor& x, const BatchNormTensors& norm, const Tensor& residual, bool relu);

// The convolution with filter w [K, R, S, C] and normalisation with running statistics as one filter and one bias.
struct FoldedFilter {
  Tensor w, bias;
};
// Both of element type `dtype`: what conv2d_fused would round them to.
[[nodiscard]] FoldedFilter fold(const Tensor& w, const BatchNormTensors& norm, DType dtype);

}  // namespace kelvin
