// cuDNN's fused attention, and when to believe it (fused_attention.h). Bytes: forward reads qkv and writes y and log_sum_exp; backward
// reads qkv, y, dy and log_sum_exp and writes dqkv, besides B·H·T² bfloat16 of dS in the plan's workspace where it is deterministic.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/cudnn/attention.h"
#include "kernels/device/cuda.h"
#include "kernels/device/cuda_device.h"
#include "kernels/device/cuda_profile.h"
#include "kernels/device/cuda_stopwatch.h"
#include "kernels/device/pool_block.h"
#include "kernels/device/relative_error.h"
#include "kernels/fused_attention.h"

namespace kelvin {
namespace {

using cudnn::AttentionProblem;
using cudnn::AttentionTensors;
using cudnn::Plan;

// Relative errors that a right plan stays below. log_sum_exp has float32 sums of the same products. y and the gradients differ by P and
// dS rounded to 8 bits, which keys that have much in common amplify in dq; a mask or scale gone wrong costs a fifth and more.
constexpr double kLogSumExpTolerance = 1e-3, kOutputTolerance = 2e-2, kGradientTolerance = 0.1;
constexpr std::size_t kTimed = 5;
constexpr std::int64_t kMostWorkspace = std::int64_t{2} << 30;  // dS of 197 tokens: 100 MB for 128 images of 6 heads

bool is_allowed() {
  static const bool allowed = [] {
    const char* const setting = std::getenv("KELVIN_FUSED_ATTENTION");
    return setting == nullptr || std::string_view(setting) != "0";
  }();
  return allowed;
}

AttentionProblem problem_of(bool is_backward, const Shape& qkv) {
  return {is_backward, qkv[0], qkv[1], qkv[3], qkv[4], cuda_settings().deterministic};
}

void run(const Cuda& cuda, const AttentionProblem& problem, const Plan& plan, const AttentionTensors& tensors) {
  const CudaBlock scratch(cuda, static_cast<std::size_t>(std::max<std::int64_t>(scratch_bytes(problem, plan), 1)));
  cudnn::execute(cuda.cudnn(), problem, plan, tensors, scratch.as<void>());
}

enum class Verdict { agrees, disagrees, unknown };

// Of several results, each with its tolerance; a reference of zeros proves nothing.
struct Judge {
  Verdict verdict = Verdict::agrees;
  double worst = 0;  // relative error
  void see(const Distance& d, double tolerance) {
    if (!d.is_known()) {
      if (verdict == Verdict::agrees) verdict = Verdict::unknown;
      return;
    }
    if (!(d.relative() <= worst)) worst = d.relative();
    if (!(d.relative() <= tolerance)) verdict = Verdict::disagrees;
  }
};

// How a shape goes: by a plan, by the plain kernels, or not known yet (`is_decided` false).
struct Choice {
  bool is_decided = true;
  std::optional<Plan> plan;
};

// `plain` writes the reference; `judge` compares with it what a plan has left in `tensors`.
template <class Plain, class Compare>
Choice choose(const Cuda& cuda, const AttentionProblem& problem, const AttentionTensors& tensors, const Plain& plain,
              const Compare& judge) {
  const CudaSettings& settings = cuda_settings();
  const auto plans = cudnn::attention_plans({.handle = cuda.cudnn()}, problem,
                                            {.most_workspace = kMostWorkspace, .deterministic = settings.deterministic},
                                            settings.autotune ? kTimed : 1);
  Choice choice;
  if (plans.empty()) return choice;
  CudaStopwatch watch(cuda);
  plain();
  float best = settings.autotune ? watch.milliseconds(plain) : 0.0f;
  for (const Plan& plan : plans) {
    run(cuda, problem, plan, tensors);
    const Judge found = judge();
    if (found.verdict == Verdict::unknown) return {.is_decided = false, .plan = {}};
    if (found.verdict == Verdict::disagrees) {
      std::fprintf(stderr, "kelvin: cuDNN's engine %lld is not used for %s: it differs from the plain kernel by %.2g\n",
                   static_cast<long long>(plan.engine), describe(problem).c_str(), found.worst);
      continue;
    }
    if (!settings.autotune) return {.plan = plan};
    const float time = watch.milliseconds([&] { run(cuda, problem, plan, tensors); });
    if (time >= best) continue;
    best = time;
    choice.plan = plan;
  }
  return choice;
}

// The shared course of both directions. `decide()` is called at most once a shape, outside of captures.
template <class Decide>
bool run_chosen(const Cuda& cuda, const AttentionProblem& problem, const AttentionTensors& tensors,
                const Decide& decide) {
  if (!is_allowed()) return false;
  static std::mutex mutex;
  static std::map<AttentionProblem, std::optional<Plan>> chosen;
  const std::lock_guard lock(mutex);
  auto found = chosen.find(problem);
  if (found == chosen.end()) {
    if (is_recording(cuda)) return false;
    const Choice choice = decide();
    if (!choice.is_decided) return false;
    found = chosen.emplace(problem, choice.plan).first;
  }
  if (!found->second) return false;
  const CudaRange range(cuda, [&] { return str("fused ", describe(problem)); });
  run(cuda, problem, *found->second, tensors);
  return true;
}

}  // namespace

bool fused_attention_forward(const Cuda& cuda, View<bfloat16> y, View<float> log_sum_exp, View<const bfloat16> qkv) {
  const AttentionProblem problem = problem_of(false, qkv.shape);
  const AttentionTensors tensors = {.qkv = qkv.data, .y = y.data, .log_sum_exp = log_sum_exp.data};
  return run_chosen(cuda, problem, tensors, [&] {
    const CudaBlock y_block(cuda, static_cast<std::size_t>(y.size()) * sizeof(bfloat16));
    const CudaBlock sums_block(cuda, static_cast<std::size_t>(log_sum_exp.size()) * sizeof(float));
    const View<bfloat16> y_plain{y_block.as<bfloat16>(), y.shape};
    const View<float> sums_plain{sums_block.as<float>(), log_sum_exp.shape};
    return choose(
        cuda, problem, tensors, [&] { plain_attention_forward<bfloat16>(cuda, y_plain, sums_plain, qkv); },
        [&] {
          Judge judge;
          judge.see(distance<bfloat16>(cuda, y, y_plain, 0, y.cols()), kOutputTolerance);
          judge.see(distance<float>(cuda, log_sum_exp, sums_plain, 0, log_sum_exp.cols()), kLogSumExpTolerance);
          return judge;
        });
  });
}

bool fused_attention_backward(const Cuda& cuda, View<bfloat16> dqkv, View<const bfloat16> dy, View<const bfloat16> y,
                              View<const float> log_sum_exp, View<const bfloat16> qkv) {
  const AttentionProblem problem = problem_of(true, qkv.shape);
  const AttentionTensors tensors = {
      .qkv = qkv.data, .y = y.data, .log_sum_exp = log_sum_exp.data, .dqkv = dqkv.data, .dy = dy.data};
  return run_chosen(cuda, problem, tensors, [&] {
    const CudaBlock block(cuda, static_cast<std::size_t>(dqkv.size()) * sizeof(bfloat16));
    const View<bfloat16> plain{block.as<bfloat16>(), dqkv.shape};
    return choose(
        cuda, problem, tensors, [&] { plain_attention_backward<bfloat16>(cuda, plain, dy, y, log_sum_exp, qkv); },
        [&] {
          // dq, dk and dv each by itself: dv is by far the largest and would hide the others.
          Judge judge;
          const std::int64_t width = problem.heads * problem.width;
          const View<const bfloat16> got{dqkv.data, {problem.batch * problem.tokens, 3 * width}};
          const View<const bfloat16> reference{plain.data, got.shape};
          for (std::int64_t part = 0; part < 3; ++part)
            judge.see(distance(cuda, got, reference, part * width, (part + 1) * width), kGradientTolerance);
          return judge;
        });
  });
}

}  // namespace kelvin
