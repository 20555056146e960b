// Attention of all heads as one graph. cuDNN recognises the operations of kernels/attention/attention.h's formulas and returns one fused kernel
// (forward) or a few (backward), compiled for the shape at run time; the T x T matrices never reach memory.
//
// q, k and v are read where one linear layer left them, qkv [B, T, 3, H, D], by strides; dq, dk and dv are written likewise. bfloat16,
// with P and dS rounded to bfloat16 before they are multiplied; sums, softmax and log_sum_exp float32. D a multiple of 8, at most 128.
//
// Backward in two forms. Deterministic: dS is kept in the plan's workspace (B·H·T² bfloat16 rounded up to its tiles) and dq is one matrix
// product with it. Otherwise blocks add their parts of dq into a float32 copy in an order that is not fixed; no such workspace.
//
// The oldest versions with correct results, judged by the workarounds in NVIDIA's own cudnn-frontend: 9.0 (forward: numbers of
// tokens that are no multiple of 64) and 9.16 (backward: no multiple of 128; before 9.6 the sums for dq were to be cleared beforehand).
// With an older library there are no plans.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/libraries/cudnn/plan.h"

namespace kelvin::cudnn {

struct AttentionProblem {
  bool is_backward = false;
  std::int64_t batch = 0, tokens = 0, heads = 0, width = 0;  // B, T, H, D
  bool deterministic = true;                                 // backward only
  auto operator<=>(const AttentionProblem&) const = default;
};

// Device addresses. The forward pass uses the first three, the backward pass all.
struct AttentionTensors {
  const void *qkv = nullptr, *y = nullptr, *log_sum_exp = nullptr;
  const void *dqkv = nullptr, *dy = nullptr;
};

// The plans that fit, best first by heuristic, at most `most`. Empty: none.
[[nodiscard]] std::vector<Plan> attention_plans(const Target& target, const AttentionProblem& problem,
                                                const PlanFilter& filter, std::size_t most);

// Why there are no plans.
[[nodiscard]] std::string why_no_plans(const AttentionProblem& problem);

// What `execute` needs besides the tensors: the plan's workspace, and backward's sums (δ, and the float32 dq where it is used).
[[nodiscard]] std::int64_t scratch_bytes(const AttentionProblem& problem, const Plan& plan);

// `scratch` is aligned to 256 bytes.
void execute(cudnnHandle_t handle, const AttentionProblem& problem, const Plan& plan, const AttentionTensors& tensors,
             void* scratch);

// "attention forward [128, 197, 3, 6, 64]"
[[nodiscard]] std::string describe(const AttentionProblem& problem);

}  // namespace kelvin::cudnn
