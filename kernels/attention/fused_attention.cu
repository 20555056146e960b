// cuDNN's fused attention, and the test of its plans (fused_attention.h). Bytes: forward reads qkv and writes y and log_sum_exp; backward
// reads qkv, y, dy and log_sum_exp and writes dqkv, besides B·H·T² bfloat16 of dS in the plan's workspace where it is deterministic.
#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "kernels/arrays/relative_error.h"
#include "kernels/arrays/trial_numbers.h"
#include "kernels/attention/cudnn_attention.h"
#include "kernels/attention/fused_attention.h"
#include "kernels/device/allowed.h"
#include "kernels/device/cuda.h"
#include "kernels/device/cuda_profile.h"
#include "kernels/device/cuda_stopwatch.h"
#include "kernels/device/notes.h"
#include "kernels/device/pool_block.h"
#include "kernels/libraries/cuda_device.h"

namespace kelvin {
namespace {

using cudnn::AttentionProblem;
using cudnn::AttentionTensors;
using cudnn::Plan;

// Bounds for the relative errors of a correct plan. log_sum_exp has float32 sums of the same products. y and the gradients differ because P
// and dS are rounded to 8 bits, which similar keys amplify in dq. A wrong mask or scale causes an error of a fifth and more.
constexpr double kLogSumExpTolerance = 1e-3, kOutputTolerance = 2e-2, kGradientTolerance = 0.1;
constexpr std::size_t kTimed = 3;                               // compiling one takes half a second
constexpr std::int64_t kMostWorkspace = std::int64_t{2} << 30;  // dS of 197 tokens: 100 MB for 128 images of 6 heads

AttentionProblem problem_of(bool is_backward, const Shape& qkv) {
  return {is_backward, qkv[0], qkv[1], qkv[3], qkv[4], cuda_settings().deterministic};
}

void run(const Cuda& cuda, const AttentionProblem& problem, const Plan& plan, const AttentionTensors& tensors) {
  const CudaBlock scratch(cuda, static_cast<std::size_t>(std::max<std::int64_t>(scratch_bytes(problem, plan), 1)));
  cudnn::execute(cuda.cudnn(), problem, plan, tensors, scratch.as<void>());
}

// A problem to test plans on: normal numbers instead of the caller's, whose gradients may be zero (with a small temperature) or differ by more
// than rounding where they cancel.
class Trial {
 public:
  Trial(const Cuda& cuda, const AttentionProblem& p)
      : cuda_(cuda),
        problem_(p),
        qkv_(cuda, {p.batch, p.tokens, 3, p.heads, p.width}),
        y_(cuda, {p.batch, p.tokens, p.heads * p.width}),
        y_plain_(cuda, y_.view().shape),
        dy_(cuda, {p.is_backward ? p.batch : 0, p.tokens, p.heads * p.width}),
        dqkv_(cuda, {p.is_backward ? p.batch : 0, p.tokens, 3, p.heads, p.width}),
        dqkv_plain_(cuda, dqkv_.view().shape),
        sums_(cuda, {p.batch, p.heads, p.tokens}),
        sums_plain_(cuda, sums_.view().shape) {
    draw(qkv_, 0);
    draw(dy_, 1);
    plain_attention_forward<bfloat16>(cuda_, y_plain_.view(), sums_plain_.view(), qkv_.view());
    run_plain();
  }

  void run_plain() const {
    if (problem_.is_backward)
      plain_attention_backward<bfloat16>(cuda_, dqkv_plain_.view(), dy_.view(), y_plain_.view(), sums_plain_.view(),
                                         qkv_.view());
    else
      plain_attention_forward<bfloat16>(cuda_, y_plain_.view(), sums_plain_.view(), qkv_.view());
  }

  void run_plan(const Plan& plan) const {
    if (problem_.is_backward)
      run(cuda_, problem_, plan,
          {.qkv = qkv_.data(),
           .y = y_plain_.data(),
           .log_sum_exp = sums_plain_.data(),
           .dqkv = dqkv_.data(),
           .dy = dy_.data()});
    else
      run(cuda_, problem_, plan, {.qkv = qkv_.data(), .y = y_.data(), .log_sum_exp = sums_.data()});
  }

  // The largest relative error of the plan's results over what each may have: above 1 it is wrong.
  [[nodiscard]] double error() const {
    if (!problem_.is_backward)
      return std::max(relative(y_.view(), y_plain_.view(), 0, 1) / kOutputTolerance,
                      relative(sums_.view(), sums_plain_.view(), 0, 1) / kLogSumExpTolerance);
    // dq, dk and dv each by itself: dv is by far the largest and would hide the others.
    double worst = 0;
    for (std::int64_t part = 0; part < 3; ++part)
      worst = std::max(worst, relative(dqkv_.view(), dqkv_plain_.view(), part, 3) / kGradientTolerance);
    return worst;
  }

 private:
  template <class T>
  class Scratch {
   public:
    Scratch(const Cuda& cuda, const Shape& shape)
        : shape_(shape), block_(cuda, static_cast<std::size_t>(shape.size()) * sizeof(T)) {}
    [[nodiscard]] View<T> view() const { return {block_.as<T>(), shape_}; }
    [[nodiscard]] const void* data() const { return block_.as<void>(); }

   private:
    Shape shape_;
    CudaBlock block_;
  };

  void draw(const Scratch<bfloat16>& to, std::uint64_t which) const {
    draw_normal<bfloat16>(cuda_, to.view(), {which, random_stream("attention trial")});
  }

  // Over one of `parts` equal ranges of columns of [images · tokens, columns]; infinite where it is not a number.
  template <class T>
  [[nodiscard]] double relative(View<T> got, View<T> reference, std::int64_t part, std::int64_t parts) const {
    const std::int64_t rows = problem_.batch * problem_.tokens, cols = got.size() / rows, width = cols / parts;
    const double r =
        distance<T>(cuda_, {got.data, {rows, cols}}, {reference.data, {rows, cols}}, part * width, (part + 1) * width)
            .relative();
    return std::isnan(r) ? HUGE_VAL : r;
  }

  const Cuda& cuda_;
  AttentionProblem problem_;
  Scratch<bfloat16> qkv_, y_, y_plain_, dy_, dqkv_, dqkv_plain_;
  Scratch<float> sums_, sums_plain_;
};

// The choice for a shape: a plan, or none for the plain kernels. A plan that cannot run (cuDNN may report that only at this point) is left out.
std::optional<Plan> choose(const Cuda& cuda, const AttentionProblem& problem) {
  const CudaSettings& settings = cuda_settings();
  const auto plans = cudnn::attention_plans({.handle = cuda.cudnn()}, problem,
                                            {.most_workspace = kMostWorkspace, .deterministic = settings.deterministic},
                                            settings.autotune ? kTimed : 1);
  if (plans.empty()) {
    note_once(str("bfloat16 attention goes ", problem.is_backward ? "backward" : "forward",
                  " by the plain kernels, without tensor cores: ", cudnn::why_no_plans(problem)));
    return {};
  }
  const Trial trial(cuda, problem);
  CudaStopwatch watch(cuda);
  std::optional<Plan> best;
  float best_time = settings.autotune ? watch.milliseconds([&] { trial.run_plain(); }) : 0.0f;
  for (const Plan& plan : plans) try {
      trial.run_plan(plan);
      if (const double error = trial.error(); error > 1) {
        note_once(str("cuDNN's engine ", plan.engine, " is not used for ", describe(problem), ": ", error,
                      " times as far from the plain kernel as it may be"));
        continue;
      }
      if (!settings.autotune) return plan;
      const float time = watch.milliseconds([&] { trial.run_plan(plan); });
      if (time >= best_time) continue;
      best_time = time;
      best = plan;
    } catch (const Error& e) {
      note_once(str("cuDNN's engine ", plan.engine, " is not used for ", describe(problem), ": ", e.what()));
    }
  return best;
}

// The same, with the plain kernels if there is no memory for the trial's tensors.
std::optional<Plan> choose_if_possible(const Cuda& cuda, const AttentionProblem& problem) try {
  return choose(cuda, problem);
} catch (const Error& e) {
  if (e.code() != ExitCode::out_of_memory) throw;
  note_once(str(describe(problem), " goes by the plain kernels: there is no memory to try cuDNN's"));
  return {};
}

// Both directions.
bool run_chosen(const Cuda& cuda, const AttentionProblem& problem, const AttentionTensors& tensors) {
  if (!fast_attention_is_allowed()) return false;
  static std::mutex mutex;
  static auto& chosen = *new std::map<AttentionProblem, std::optional<Plan>>;  // never destroyed: see convolve.cu
  const std::lock_guard lock(mutex);
  auto found = chosen.find(problem);
  if (found == chosen.end()) {
    if (is_recording(cuda)) return false;
    found = chosen.emplace(problem, choose_if_possible(cuda, problem)).first;
  }
  if (!found->second) return false;
  const CudaRange range(cuda, [&] { return str("fused ", describe(problem)); });
  try {
    run(cuda, problem, *found->second, tensors);
  } catch (const Error& e) {
    if (e.code() != ExitCode::out_of_memory) throw;
    note_once(str(describe(problem), " goes by the plain kernels: there is no memory for cuDNN's workspace"));
    found->second.reset();
    return false;
  }
  return true;
}

}  // namespace

bool fast_attention_is_allowed() {
  static const bool allowed = is_allowed("KELVIN_FUSED_ATTENTION");
  return allowed;
}

bool fused_attention_forward(const Cuda& cuda, View<bfloat16> y, View<float> log_sum_exp, View<const bfloat16> qkv) {
  return run_chosen(cuda, problem_of(false, qkv.shape),
                    {.qkv = qkv.data, .y = y.data, .log_sum_exp = log_sum_exp.data});
}

bool fused_attention_backward(const Cuda& cuda, View<bfloat16> dqkv, View<const bfloat16> dy, View<const bfloat16> y,
                              View<const float> log_sum_exp, View<const bfloat16> qkv) {
  return run_chosen(cuda, problem_of(true, qkv.shape),
                    {.qkv = qkv.data, .y = y.data, .log_sum_exp = log_sum_exp.data, .dqkv = dqkv.data, .dy = dy.data});
}

}  // namespace kelvin
