// Scaled dot-product attention of every head at once (Vaswani et al. 2017, 1706.03762, equation 1; Dosovitskiy et al. 2021, 2010.11929,
// appendix A): with q, k, v [T, D] of one image and head,
//
//   S = q kᵀ / √D   P = softmax over keys (S)   y = P v
//
//   qkv [B, T, 3, H, D]   B images of T tokens; H heads of D values; q, k and v side by side, as one linear layer writes them
//   y   [B, T, H·D]       heads side by side
//   log_sum_exp [B, H, T] float32, log Σ_keys e^S of each query: the backward pass computes P from it again
//
// Storage type T: float or bfloat16. Arithmetic is float32; on CUDA, products of float32 use TF32 where that is allowed. The T x T matrices S and P
// are not kept for the backward pass. On the CPU a thread's scratch memory holds them for at most 64 queries at a time. On CUDA a block holds a
// tile or, in float32, scratch memory holds the matrices of some images during the call. Backward pass, with dP = dy vᵀ and
// δ = Σ_D dy y of each query (Dao et al. 2022, 2205.14135, section 3.1):
//
//   dS = P (dP − δ)   dq = dS k / √D   dk = dSᵀ q / √D   dv = Pᵀ dy
//
// Deterministic, except the sums of the GPU's backward pass with `--fast-nondeterministic`. dqkv is overwritten; nothing overlaps.
#pragma once

#include <vector>

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

// The largest head dimension of the CUDA half.
inline constexpr std::int64_t kMaxHeadDim = 128;

template <class T>
void attention_forward(Cpu, View<T> y, View<float> log_sum_exp, View<const T> qkv);
template <class T>
void attention_forward(const Cuda&, View<T> y, View<float> log_sum_exp, View<const T> qkv);

template <class T>
void attention_backward(Cpu, View<T> dqkv, View<const T> dy, View<const T> y, View<const float> log_sum_exp,
                        View<const T> qkv);
template <class T>
void attention_backward(const Cuda&, View<T> dqkv, View<const T> dy, View<const T> y, View<const float> log_sum_exp,
                        View<const T> qkv);

// The shapes of qkv that attention has run with on the CPU so far, each once: what a model needs of a device.
[[nodiscard]] std::vector<Shape> attention_shapes_run(Cpu);

}  // namespace kelvin
