#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "kernels/arrays/elementwise.h"
#include "kernels/convolution/conv_epilogue.h"
#include "kernels/convolution/conv_trials.h"
#include "kernels/convolution/convolve.h"
#include "kernels/convolution/cudnn_convolution.h"
#include "kernels/convolution/patches.h"
#include "kernels/convolution/winograd/cuda_convolve.h"
#include "kernels/device/cuda.h"
#include "kernels/device/cuda_profile.h"
#include "kernels/device/cuda_stopwatch.h"
#include "kernels/device/notes.h"
#include "kernels/device/pool_block.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/libraries/nvidia_libraries.h"
#include "kernels/products/cuda_matmul.h"
#include "kernels/products/matmul.h"

namespace kelvin {
namespace {

using cudnn::Plan;

struct Algorithm {
  enum class Kind { plan, product, winograd, in_two_passes, in_halves } kind{};
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

// dw [K, R·S·C]
View<float> filter_gradient(const ConvProblem& p, const ConvTensors& t) {
  return {static_cast<float*>(const_cast<void*>(t.w)), {p.w[0], p.w[1] * p.w[2] * p.w[3]}};
}

// Whether each output pixel depends on one input pixel and all input pixels are used: then the image is its own patches.
bool is_pointwise(const ConvProblem& p) { return p.w[1] == 1 && p.w[2] == 1 && p.stride == 1 && p.pad == 0; }

// patches [N·P·Q, R·S·C], pixels of y [N·P·Q, K], filter [K, R·S·C]
template <class T>
void multiply(const Cuda& cuda, const ConvProblem& p, const ConvTensors& t) {
  const Views<T> all(p, t);
  const View<T> y = all.as_matrix(all.y), w = {all.w.data, {p.w[0], p.w[1] * p.w[2] * p.w[3]}};
  std::optional<CudaBlock> scratch;
  View<T> patches = {all.x.data, {y.rows(), w.cols()}};
  if (!is_pointwise(p)) {
    scratch.emplace(cuda, static_cast<std::size_t>(patches.size()) * sizeof(T));
    patches.data = scratch->as<T>();
    if (p.direction != ConvDirection::backward_data) gather_patches<T>(cuda, patches.data, all.x.data, p);
  }
  switch (p.direction) {
    case ConvDirection::forward:
      return matmul<T>(cuda, y, patches, w, MatmulEpilogue<T>{all.residual, all.bias, p.relu}, {.transpose_b = true});
    case ConvDirection::backward_filter:
      return matmul<float, T>(cuda, filter_gradient(p, t), y, patches, {}, {.transpose_a = true});
    case ConvDirection::backward_data: break;
  }
  MatmulEpilogue<T> before;
  if (p.adds && is_pointwise(p)) before.residual = patches;
  matmul<T>(cuda, patches, y, w, before, {});
  if (!is_pointwise(p)) sum_patches<T>(cuda, all.x.data, patches.data, p);
}

void execute(const Cuda& cuda, const ConvProblem& p, const Plan& plan, const ConvTensors& t) {
  const CudaBlock workspace(cuda, static_cast<std::size_t>(std::max<std::int64_t>(plan.workspace, 1)));
  const CudaRange range(cuda,
                        [&] { return str("conv2d ", describe(p)); });  // the other algorithms have ranges of their own
  cudnn::execute(cuda.cudnn(), p, plan, t, workspace.as<void>());
}

// cuDNN's filter gradient has the images' element type.
void run_plan(const Cuda& cuda, const ConvProblem& p, const Plan& plan, const ConvTensors& t) {
  if (p.direction != ConvDirection::backward_filter || p.dtype == DType::f32) return execute(cuda, p, plan, t);
  const View<float> dw = filter_gradient(p, t);
  const CudaBlock rounded(cuda, static_cast<std::size_t>(dw.size()) * sizeof(bfloat16));
  execute(cuda, p, plan, {.x = t.x, .w = rounded.as<void>(), .y = t.y});
  convert<float, bfloat16>(cuda, dw, {rounded.as<const bfloat16>(), dw.shape});
}

// The plain convolution, then the additions.
template <class T>
void run_in_two_passes(const Cuda& cuda, const ConvProblem& p, const ConvTensors& t) {
  ConvProblem plain = p;
  const Views<T> all(p, t);
  plain.has_residual = plain.has_bias = plain.relu = plain.adds = false;
  if (p.adds) {
    const CudaBlock scratch(cuda, static_cast<std::size_t>(all.x.size()) * sizeof(T));
    convolve_by_choice(cuda, plain, {.x = scratch.as<void>(), .w = t.w, .y = t.y});
    return accumulate<T, T>(cuda, all.x, {scratch.as<const T>(), all.x.shape});
  }
  convolve_by_choice(cuda, plain, {.x = t.x, .w = t.w, .y = t.y});
  add_conv_epilogue(cuda, all.y, all.residual, all.bias, p.relu);
}

// One half of the images, then the other; the two filter gradients are added.
void run_in_halves(const Cuda& cuda, const ConvProblem& p, const ConvTensors& t) {
  ConvProblem first = p, second = p;
  first.x[0] = p.x[0] / 2;
  second.x[0] = p.x[0] - first.x[0];
  const auto behind = [&](const void* data, const std::array<std::int64_t, 4>& image) -> const void* {
    const std::int64_t elements = first.x[0] * image[1] * image[2] * image[3];
    return data == nullptr ? nullptr
                           : static_cast<const char*>(data) + elements * static_cast<std::int64_t>(bytes_of(p.dtype));
  };
  const std::array<std::int64_t, 4> output = {1, p.output_side(0), p.output_side(1), p.w[0]};
  ConvTensors rest = t;
  rest.x = behind(t.x, p.x);
  rest.y = behind(t.y, output);
  rest.residual = behind(t.residual, output);
  convolve_by_choice(cuda, first, t);
  if (p.direction != ConvDirection::backward_filter) return convolve_by_choice(cuda, second, rest);
  const View<float> dw = filter_gradient(p, t);
  const CudaBlock part(cuda, static_cast<std::size_t>(dw.size()) * sizeof(float));
  rest.w = part.as<void>();
  convolve_by_choice(cuda, second, rest);
  accumulate<float, float>(cuda, dw, {part.as<const float>(), dw.shape});
}

void run(const Cuda& cuda, const ConvProblem& p, const Algorithm& algorithm, const ConvTensors& t) {
  switch (algorithm.kind) {
    case Algorithm::Kind::plan: return run_plan(cuda, p, algorithm.plan, t);
    case Algorithm::Kind::product:
      return p.dtype == DType::bf16 ? multiply<bfloat16>(cuda, p, t) : multiply<float>(cuda, p, t);
    case Algorithm::Kind::winograd: return winograd::cuda_convolve(cuda, p, t);
    case Algorithm::Kind::in_two_passes:
      return p.dtype == DType::bf16 ? run_in_two_passes<bfloat16>(cuda, p, t) : run_in_two_passes<float>(cuda, p, t);
    case Algorithm::Kind::in_halves: return run_in_halves(cuda, p, t);
  }
}

// Elements.
std::int64_t largest_image(const ConvProblem& p) {
  return p.x[0] * std::max(p.x[1] * p.x[2] * p.x[3], p.output_side(0) * p.output_side(1) * p.w[0]);
}

std::size_t image_bytes(const ConvProblem& p) {
  return static_cast<std::size_t>(p.x[0] * p.x[1] * p.x[2] * p.x[3]) * bytes_of(p.dtype);
}

// Roughly the bytes that an algorithm takes from the pool, besides those that all take.
std::int64_t scratch_bytes(const ConvProblem& p, const Algorithm& algorithm) {
  const std::int64_t outputs = p.x[0] * p.output_side(0) * p.output_side(1);
  switch (algorithm.kind) {
    case Algorithm::Kind::plan: return algorithm.plan.workspace;
    case Algorithm::Kind::product:
      return is_pointwise(p) ? 0 : outputs * p.w[1] * p.w[2] * p.w[3] * static_cast<std::int64_t>(bytes_of(p.dtype));
    case Algorithm::Kind::winograd: return winograd::scratch_bytes(p);
    case Algorithm::Kind::in_two_passes: return p.adds ? static_cast<std::int64_t>(image_bytes(p)) : 0;
    case Algorithm::Kind::in_halves: return 0;
  }
  return 0;
}

// Notes what is missing if cuDNN has no plan that was compiled ahead of time for a plain convolution.
void note_missing_plans(const ConvProblem& p, const std::vector<Plan>& plans) {
  if (p.has_epilogue() || p.adds) return;  // in two passes it uses the plans of the plain convolution
  if (!plans.empty() && !plans.front().compiled_at_run_time) return;
  const std::string why = plans.empty() ? cudnn::last_reason() : "each is compiled first, for seconds",
                    missing = missing_cudnn_parts();
  note_once(missing.empty() ? str("cuDNN has no plan of its own for ", describe(p), ": ", why)
                            : str("convolutions are slower than they could be: ", missing));
}

// The algorithms for a problem, in the order of preference.
std::vector<Algorithm> algorithms_of(const Cuda& cuda, const ConvProblem& p) {
  constexpr std::size_t kTried = 5;
  std::vector<Algorithm> algorithms;
  const bool is_wide = std::min(p.w[0], p.w[3]) >= 64;  // with fewer channels Winograd's products are limited by memory
  const bool is_too_large = winograd::is_fit(p) && p.x[0] > 1 && winograd::scratch_bytes(p) > winograd::kMostScratch;
  if (winograd::is_fit(p))
    algorithms.push_back({is_too_large ? Algorithm::Kind::in_halves : Algorithm::Kind::winograd});
  const auto plans =
      cudnn::conv_plans({.handle = cuda.cudnn()}, p, {.deterministic = cuda_settings().deterministic}, kTried);
  note_missing_plans(p, plans);
  for (const Plan& plan : plans) algorithms.push_back({Algorithm::Kind::plan, plan});
  if (!is_wide && winograd::is_fit(p)) std::rotate(algorithms.begin(), algorithms.begin() + 1, algorithms.end());
  const bool is_product = is_pointwise(p) || has_few_patches(p);
  const bool cudnn_transposes = p.dtype == DType::f32 && !p.allow_tf32;
  if (is_product)
    algorithms.insert(cudnn_transposes ? algorithms.begin() : algorithms.end(), {Algorithm::Kind::product});
  if (p.has_epilogue() || (p.adds && !is_product)) algorithms.push_back({Algorithm::Kind::in_two_passes});
  // cuDNN's fast filter gradients of more than 2³¹ elements have sums of less than float32 and are left out: the others are slow, if there are any.
  const bool is_huge = p.direction == ConvDirection::backward_filter && largest_image(p) > INT32_MAX;
  if ((is_huge || algorithms.empty()) && p.x[0] > 1)
    algorithms.insert(algorithms.begin(), {Algorithm::Kind::in_halves});
  return algorithms;
}

// Whether the results are right: a plan with a ReLU is used only where it passes NaN on. False as well for a plan that cannot run, which cuDNN may
// report only then, or that cannot be tested.
bool is_right(const Cuda& cuda, const ConvProblem& p, const Algorithm& algorithm, const ConvTensors& tensors) try {
  if (algorithm.kind != Algorithm::Kind::plan || !p.relu) return true;
  if (is_recording(cuda)) return false;
  if (hands_nan_on(cuda, p, tensors, [&](const ConvTensors& t) { run(cuda, p, algorithm, t); })) return true;
  note_once("cuDNN's fused ReLU does not hand NaN on here: it is a pass of its own");
  return false;
} catch (const Error&) {
  return false;
}

Algorithm choose(const Cuda& cuda, const ConvProblem& problem, bool by_time, ConvTensors tensors) {
  std::optional<CudaBlock> scratch;
  if (problem.adds) {  // the trials must not add to dx
    scratch.emplace(cuda, image_bytes(problem));
    tensors.x = scratch->as<void>();
  }
  std::vector<Algorithm> algorithms = algorithms_of(cuda, problem);
  std::erase_if(algorithms, [&](const Algorithm& algorithm) { return !is_right(cuda, problem, algorithm, tensors); });
  if (algorithms.empty()) throw internal_error("cuDNN has no plan for ", describe(problem), ": ", cudnn::last_error());
  return choose_candidate(cuda, algorithms, by_time,
                          [&](const Algorithm& algorithm) { run(cuda, problem, algorithm, tensors); });
}

using Chosen = std::map<ConvProblem, Algorithm>;

// If the chosen algorithm, or the choice, finds no memory: tries the others, the one that needs the least memory first. Keeps the first that runs.
void convolve_in_less_memory(const Cuda& cuda, const ConvProblem& problem, const ConvTensors& tensors, Chosen& chosen,
                             const Error& failure) {
  std::vector<Algorithm> algorithms = algorithms_of(cuda, problem);
  std::stable_sort(algorithms.begin(), algorithms.end(), [&](const Algorithm& a, const Algorithm& b) {
    return scratch_bytes(problem, a) < scratch_bytes(problem, b);
  });
  if (problem.x[0] > 1) algorithms.push_back({Algorithm::Kind::in_halves});
  for (const Algorithm& algorithm : algorithms) try {
      if (!is_right(cuda, problem, algorithm, tensors)) continue;
      run(cuda, problem, algorithm, tensors);
      chosen.insert_or_assign(problem, algorithm);
      return note_once(str(describe(problem), " uses an algorithm that needs less scratch memory"));
    } catch (const Error&) {
    }
  throw failure;
}

void convolve_by_choice(const Cuda& cuda, const ConvProblem& problem, const ConvTensors& tensors) {
  static auto& chosen = *new Chosen;  // never destroyed: at exit cuDNN may be gone before its plans
  try {
    auto found = chosen.find(problem);
    if (found == chosen.end()) {
      KELVIN_CHECK(!is_recording(cuda), "first met in a recorded step: ", describe(problem));
      const Algorithm algorithm = choose(cuda, problem, cuda_settings().autotune, tensors);
      found = chosen.emplace(problem, algorithm).first;
    }
    run(cuda, problem, found->second, tensors);
  } catch (const Error& e) {
    if (e.code() != ExitCode::out_of_memory) throw;
    convolve_in_less_memory(cuda, problem, tensors, chosen, e);
  }
}

}  // namespace

void convolve(const Cuda& cuda, const ConvProblem& problem, const ConvTensors& tensors) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  convolve_by_choice(cuda, problem, tensors);
}

}  // namespace kelvin
