#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "kernels/conv_epilogue.h"
#include "kernels/convolve.h"
#include "kernels/device/cuda.h"
#include "kernels/device/cuda_device.h"
#include "kernels/device/cuda_profile.h"
#include "kernels/device/cuda_stopwatch.h"
#include "kernels/device/pool_block.h"
#include "kernels/elementwise.h"
#include "kernels/matmul.h"

namespace kelvin {
namespace {

using cudnn::ConvProblem;
using cudnn::ConvTensors;
using cudnn::Direction;
using cudnn::Plan;

struct Way {
  enum class Kind { plan, product, in_two_passes } kind{};
  Plan plan = {};
};

void convolve_by_choice(const Cuda& cuda, const ConvProblem& problem, const ConvTensors& tensors);

// The tensors of a problem as views; their addresses are const because one of three is the result.
template <class T>
struct Views {
  View<T> x, w, y;
  View<const T> residual, bias;
  Views(const ConvProblem& p, const ConvTensors& t)
      : x(view(t.x, {p.x[0], p.x[1], p.x[2], p.x[3]})),
        w(view(t.w, {p.w[0], p.w[1], p.w[2], p.w[3]})),
        y(view(t.y, {p.x[0], p.output_side(0), p.output_side(1), p.w[0]})) {
    if (p.has_residual) residual = view(t.residual, y.shape);
    if (p.has_bias) bias = view(t.bias, {p.w[0]});
  }
  static View<T> view(const void* data, const Shape& shape) {
    return {static_cast<T*>(const_cast<void*>(data)), shape};
  }
  static View<T> as_matrix(View<T> v) { return {v.data, {v.rows(), v.cols()}}; }
};

// The 1x1 convolution: pixels [N·H·W, C] and [N·H·W, K], filter [K, C]
template <class T>
void multiply(const Cuda& cuda, const ConvProblem& p, const ConvTensors& t) {
  const Views<T> all(p, t);
  const View<T> x = all.as_matrix(all.x), y = all.as_matrix(all.y), w = {all.w.data, {p.w[0], p.w[3]}};
  switch (p.direction) {
    case Direction::forward: return matmul<T, T>(cuda, y, x, w, {}, {.transpose_b = true});
    case Direction::backward_data: return matmul<T, T>(cuda, x, y, w, {}, {});
    case Direction::backward_filter: return matmul<T, T>(cuda, w, y, x, {}, {.transpose_a = true});
  }
}

// The plain convolution, then what is added.
template <class T>
void run_in_two_passes(const Cuda& cuda, const ConvProblem& p, const ConvTensors& t) {
  ConvProblem plain = p;
  plain.has_residual = plain.has_bias = plain.relu = plain.adds = false;
  const Views<T> all(p, t);
  if (p.adds) {
    const CudaBlock scratch(cuda, static_cast<std::size_t>(all.x.size()) * sizeof(T));
    convolve_by_choice(cuda, plain, {.x = scratch.as<void>(), .w = t.w, .y = t.y});
    return accumulate<T, T>(cuda, all.x, {scratch.as<const T>(), all.x.shape});
  }
  convolve_by_choice(cuda, plain, {.x = t.x, .w = t.w, .y = t.y});
  add_conv_epilogue(cuda, all.y, all.residual, all.bias, p.relu);
}

void run(const Cuda& cuda, const ConvProblem& p, const Way& way, const ConvTensors& t) {
  switch (way.kind) {
    case Way::Kind::plan: {
      const CudaBlock workspace(cuda, static_cast<std::size_t>(std::max<std::int64_t>(way.plan.workspace, 1)));
      return cudnn::execute(cuda.cudnn(), way.plan, t, workspace.as<void>());
    }
    case Way::Kind::product:
      return p.dtype == DType::bf16 ? multiply<bfloat16>(cuda, p, t) : multiply<float>(cuda, p, t);
    case Way::Kind::in_two_passes:
      return p.dtype == DType::bf16 ? run_in_two_passes<bfloat16>(cuda, p, t) : run_in_two_passes<float>(cuda, p, t);
  }
}

// In the order in which they are tried.
std::vector<Way> ways_of(const Cuda& cuda, const ConvProblem& p, std::size_t most_plans) {
  std::vector<Way> ways;
  for (const Plan& plan :
       cudnn::conv_plans({.handle = cuda.cudnn()}, p, {.deterministic = cuda_settings().deterministic}, most_plans))
    ways.push_back({Way::Kind::plan, plan});
  const bool is_product = p.w[1] == 1 && p.w[2] == 1 && p.stride == 1 && p.pad == 0;
  const bool cudnn_transposes = p.dtype == DType::f32 && !p.allow_tf32;
  const auto where = is_product && cudnn_transposes ? ways.begin() : ways.end();
  if (p.has_epilogue() || p.adds)
    ways.insert(where, {Way::Kind::in_two_passes});
  else if (is_product)
    ways.insert(where, {Way::Kind::product});
  return ways;
}

// Runs them; the fastest, or the first that can run if time does not count.
Way choose(const Cuda& cuda, const ConvProblem& problem, bool by_time, ConvTensors tensors) {
  constexpr std::size_t kTried = 5;
  constexpr float kWorthwhile = 0.97f;  // of the best time so far: less may be noise
  std::optional<CudaBlock> scratch;
  if (problem.adds) {  // once only where it counts
    scratch.emplace(cuda,
                    static_cast<std::size_t>(Shape{problem.x[0], problem.x[1], problem.x[2], problem.x[3]}.size()) *
                        bytes_of(problem.dtype));
    tensors.x = scratch->as<void>();
  }
  CudaStopwatch watch(cuda);
  std::optional<Way> best;
  float best_time = 0;
  std::exception_ptr failure;
  for (const Way& way : ways_of(cuda, problem, kTried)) try {
      const auto once = [&] { run(cuda, problem, way, tensors); };
      if (!by_time) {
        once();
        return way;
      }
      const float time = watch.milliseconds(once);
      if (best && time > kWorthwhile * best_time) continue;
      best = way;
      best_time = time;
    } catch (const Error&) {
      failure = std::current_exception();
    }
  if (best) return *best;
  if (failure) std::rethrow_exception(failure);
  throw internal_error("cuDNN has no plan for ", cudnn::describe(problem));
}

void convolve_by_choice(const Cuda& cuda, const ConvProblem& problem, const ConvTensors& tensors) {
  static auto& chosen = *new std::map<ConvProblem, Way>;  // never destroyed: at exit cuDNN may be gone before its plans
  auto found = chosen.find(problem);
  if (found == chosen.end()) {
    KELVIN_CHECK(!is_recording(cuda), "first met in a recorded step: ", cudnn::describe(problem));
    const Way way = choose(cuda, problem, cuda_settings().autotune, tensors);
    found = chosen.emplace(problem, way).first;
  }
  run(cuda, problem, found->second, tensors);
}

}  // namespace

void convolve(const Cuda& cuda, const ConvProblem& problem, const ConvTensors& tensors) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const CudaRange range(cuda, [&] { return str("conv2d ", cudnn::describe(problem)); });
  convolve_by_choice(cuda, problem, tensors);
}

}  // namespace kelvin
