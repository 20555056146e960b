// The three algorithms for attention on the GPU, declared for each other and for tests. All other code calls kernels/attention/attention.h, which
// takes the same arguments.
#pragma once

#include "kernels/attention/attention.h"

namespace kelvin {

// The plain kernels of attention.cu.
template <class T>
void plain_attention_forward(const Cuda&, View<T> y, View<float> log_sum_exp, View<const T> qkv);
template <class T>
void plain_attention_backward(const Cuda&, View<T> dqkv, View<const T> dy, View<const T> y,
                              View<const float> log_sum_exp, View<const T> qkv);

// cuDNN's fused graph on tensor cores (kernels/attention/cudnn_attention.h). Returns false, with undefined outputs, where it is not used for
// this shape. That is decided when a shape is first met: its plans run on random numbers, those whose results agree with the plain
// kernels' are kept, and autotuning chooses the fastest, which may be the plain kernel. A plan that disagrees or fails is reported on
// standard error. Nothing is decided while a step is being captured: a new shape then uses the plain kernels.
[[nodiscard]] bool fused_attention_forward(const Cuda&, View<bfloat16> y, View<float> log_sum_exp,
                                           View<const bfloat16> qkv);
[[nodiscard]] bool fused_attention_backward(const Cuda&, View<bfloat16> dqkv, View<const bfloat16> dy,
                                            View<const bfloat16> y, View<const float> log_sum_exp,
                                            View<const bfloat16> qkv);

// float32 as batched matrix products (product_attention.cu), S of at most `most_scores` elements at a time in scratch memory.
inline constexpr std::int64_t kMostScores = std::int64_t{64} << 20;
void product_attention_forward(const Cuda&, View<float> y, View<float> log_sum_exp, View<const float> qkv,
                               std::int64_t most_scores = kMostScores);
void product_attention_backward(const Cuda&, View<float> dqkv, View<const float> dy, View<const float> log_sum_exp,
                                View<const float> qkv, std::int64_t most_scores = kMostScores);
// The same, if it is worth it. Returns false, with undefined outputs, where it cannot run or, with autotuning, the plain kernels are faster; that
// is measured when a shape is first met.
[[nodiscard]] bool try_product_attention_forward(const Cuda&, View<float> y, View<float> log_sum_exp,
                                                 View<const float> qkv);
[[nodiscard]] bool try_product_attention_backward(const Cuda&, View<float> dqkv, View<const float> dy,
                                                  View<const float> y, View<const float> log_sum_exp,
                                                  View<const float> qkv);

// False with KELVIN_FUSED_ATTENTION=0 in the environment: then only the plain kernels run.
[[nodiscard]] bool fast_attention_is_allowed();

}  // namespace kelvin
