#include "kernels/attention/cudnn_attention.h"

#include <cmath>

#include "kernels/device/error.h"
#include "kernels/libraries/cudnn/graph_builder.h"
#include "kernels/libraries/nvidia_libraries.h"

namespace kelvin::cudnn {
namespace {

enum AttentionNumber : std::int64_t {
  kQ = 1,
  kK,
  kV,
  kOut,
  kLogSumExp,
  kScale,
  kOne,
  kDy,
  kDq,
  kDk,
  kDv,
  kDelta,
  kDqSum
};

// The layouts of a problem's tensors, dimensions in the order that cuDNN wants: batch, head, token, column.
struct Layouts {
  Layout part;       // q, k, v and their gradients: a third of qkv, strided
  Layout output;     // y, dy
  Layout statistic;  // one number a query: [B, H, T, 1]
  Layout scores;     // [B, H, T, T] float32; never in memory
  Layout rounded;    // the same in bfloat16, as a factor of a product
  Layout row_sums;   // y and dy multiplied, float32; never in memory
  explicit Layouts(const AttentionProblem& p) {
    const std::int64_t b = p.batch, t = p.tokens, h = p.heads, d = p.width;
    part = {{b, h, t, d}, {t * 3 * h * d, d, 3 * h * d, 1}, DType::bf16};
    output = {{b, h, t, d}, {t * h * d, d, h * d, 1}, DType::bf16};
    statistic = layout({b, h, t, 1});
    scores = layout({b, h, t, t});
    rounded = layout({b, h, t, t}, DType::bf16);
    row_sums = layout({b, h, t, d});
  }
};

// S = q kᵀ / √D, m = max S, e = exp(S − m), z = Σ e, log_sum_exp = m + log z, y = (e / z) v
std::vector<Descriptor> forward_operations(const AttentionProblem& p) {
  const Layouts l(p);
  GraphBuilder g;
  const Descriptor q = g.tensor(kQ, l.part), k_transposed = g.tensor(kK, transposed(l.part)), v = g.tensor(kV, l.part);
  const Descriptor y = g.tensor(kOut, l.output), log_sum_exp = g.tensor(kLogSumExp, l.statistic);
  const Descriptor s =
      g.pointwise(CUDNN_POINTWISE_MUL, g.matmul(q, k_transposed, l.scores), g.scalar(kScale), l.scores);
  const Descriptor m = g.reduce(CUDNN_REDUCE_TENSOR_MAX, s, l.statistic);
  const Descriptor e = g.pointwise(CUDNN_POINTWISE_EXP, g.pointwise(CUDNN_POINTWISE_SUB, s, m, l.scores), l.scores);
  const Descriptor z = g.reduce(CUDNN_REDUCE_TENSOR_ADD, e, l.statistic);
  g.pointwise(CUDNN_POINTWISE_ADD, m, g.pointwise(CUDNN_POINTWISE_LOG, z, l.statistic), log_sum_exp);
  g.matmul(g.pointwise(CUDNN_POINTWISE_DIV, e, z, l.rounded), v, y);
  return g.operations();
}

// δ = Σ_D dy y, P = exp(S − log_sum_exp), dv = Pᵀ dy, dS = P (dy vᵀ − δ) / √D, dk = dSᵀ q, dq = dS k
std::vector<Descriptor> backward_operations(const AttentionProblem& p) {
  const Layouts l(p);
  GraphBuilder g;
  const Descriptor q = g.tensor(kQ, l.part), k_transposed = g.tensor(kK, transposed(l.part));
  const Descriptor v_transposed = g.tensor(kV, transposed(l.part)), y = g.tensor(kOut, l.output);
  const Descriptor dy = g.tensor(kDy, l.output), log_sum_exp = g.tensor(kLogSumExp, l.statistic);
  const Descriptor scale = g.scalar(kScale);
  // cuDNN recognises this pattern only with a factor here (which undoes the scale of dropout) and with δ in memory.
  const Descriptor dy_y =
      g.reduce(CUDNN_REDUCE_TENSOR_ADD, g.pointwise(CUDNN_POINTWISE_MUL, dy, y, l.row_sums), l.statistic);
  const Descriptor delta = g.pointwise(CUDNN_POINTWISE_MUL, dy_y, g.scalar(kOne), g.tensor(kDelta, l.statistic));

  const Descriptor s = g.pointwise(CUDNN_POINTWISE_MUL, g.matmul(q, k_transposed, l.scores), scale, l.scores);
  const Descriptor prob =
      g.pointwise(CUDNN_POINTWISE_EXP, g.pointwise(CUDNN_POINTWISE_SUB, s, log_sum_exp, l.scores), l.scores);
  g.matmul(g.reshape(prob, transposed(l.rounded)), dy, g.tensor(kDv, l.part));

  const Descriptor dp = g.pointwise(CUDNN_POINTWISE_SUB, g.matmul(dy, v_transposed, l.scores), delta, l.scores);
  const Descriptor ds =
      g.pointwise(CUDNN_POINTWISE_MUL, g.pointwise(CUDNN_POINTWISE_MUL, dp, prob, l.scores), scale, l.rounded);
  g.matmul(g.reshape(ds, transposed(l.rounded)), q, g.tensor(kDk, l.part));

  const Descriptor k = g.reshape(k_transposed, l.part), dq = g.tensor(kDq, l.part);
  if (p.deterministic)
    g.matmul(ds, k, dq);
  else
    g.pointwise(CUDNN_POINTWISE_IDENTITY, g.matmul(ds, k, g.tensor(kDqSum, l.row_sums)), dq);
  return g.operations();
}

constexpr std::int64_t kWidestHead = 128;

bool is_too_old(const AttentionProblem& p) { return library().get_version() < (p.is_backward ? 91600u : 90000u); }
bool has_fitting_heads(const AttentionProblem& p) { return p.width % 8 == 0 && p.width <= kWidestHead; }

std::int64_t whole_lines(std::int64_t bytes) { return (bytes + 255) / 256 * 256; }

std::int64_t delta_bytes(const AttentionProblem& p) { return whole_lines(p.batch * p.heads * p.tokens * 4); }
std::int64_t dq_sum_bytes(const AttentionProblem& p) {
  return p.deterministic ? 0 : whole_lines(p.batch * p.heads * p.tokens * p.width * 4);
}

}  // namespace

std::vector<Plan> attention_plans(const Target& target, const AttentionProblem& problem, const PlanFilter& filter,
                                  std::size_t most) {
  if (is_too_old(problem) || !has_fitting_heads(problem)) return {};
  return plans_of(target,
                  graph_of(target, problem.is_backward ? backward_operations(problem) : forward_operations(problem)),
                  filter, most);
}

std::string why_no_plans(const AttentionProblem& problem) {
  if (is_too_old(problem))
    return str("cuDNN ", version_text(), " is older than ", problem.is_backward ? "9.16" : "9.0",
               ", the first whose answers can be trusted");
  if (!has_fitting_heads(problem))
    return str("heads of ", problem.width, " numbers; cuDNN takes multiples of 8 up to ", kWidestHead);
  const std::string no_nvrtc = nvidia_libraries().no_nvrtc;
  return no_nvrtc.empty() ? str("cuDNN has no plan for ", describe(problem), ": ", last_reason()) : no_nvrtc;
}

std::int64_t scratch_bytes(const AttentionProblem& problem, const Plan& plan) {
  const std::int64_t sums = problem.is_backward ? delta_bytes(problem) + dq_sum_bytes(problem) : 0;
  return whole_lines(plan.workspace) + sums;
}

void execute(cudnnHandle_t handle, const AttentionProblem& problem, const Plan& plan, const AttentionTensors& tensors,
             void* scratch) {
  const std::int64_t part_bytes = problem.heads * problem.width * 2;
  const auto part = [&](const void* qkv, std::int64_t which) {
    return static_cast<const char*>(qkv) + which * part_bytes;
  };
  const float scale = 1.0f / std::sqrt(static_cast<float>(problem.width)), one = 1.0f;
  std::vector<Binding> bindings = {{kQ, part(tensors.qkv, 0)},        {kK, part(tensors.qkv, 1)},
                                   {kV, part(tensors.qkv, 2)},        {kOut, tensors.y},
                                   {kLogSumExp, tensors.log_sum_exp}, {kScale, &scale}};
  const char* const sums = static_cast<const char*>(scratch) + whole_lines(plan.workspace);
  if (problem.is_backward) {
    bindings.insert(bindings.end(), {{kOne, &one}, {kDy, tensors.dy}, {kDelta, sums}});
    bindings.insert(bindings.end(),
                    {{kDq, part(tensors.dqkv, 0)}, {kDk, part(tensors.dqkv, 1)}, {kDv, part(tensors.dqkv, 2)}});
    if (!problem.deterministic) bindings.emplace_back(kDqSum, sums + delta_bytes(problem));
  }
  execute(handle, plan, bindings, scratch, "running attention");
}

std::string describe(const AttentionProblem& p) {
  return str("attention ", p.is_backward ? (p.deterministic ? "backward" : "backward, sums in any order") : "forward",
             " [", p.batch, ", ", p.tokens, ", 3, ", p.heads, ", ", p.width, "]");
}

}  // namespace kelvin::cudnn
