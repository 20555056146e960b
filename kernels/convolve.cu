#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "kernels/conv_epilogue.h"
#include "kernels/convolve.h"
#include "kernels/cuda_matmul.h"
#include "kernels/cudnn/convolution.h"
#include "kernels/device/cuda.h"
#include "kernels/device/cuda_device.h"
#include "kernels/device/cuda_profile.h"
#include "kernels/device/cuda_stopwatch.h"
#include "kernels/device/pool_block.h"
#include "kernels/device/relative_error.h"
#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "kernels/patches.h"
#include "kernels/relu.h"
#include "kernels/trial_numbers.h"
#include "kernels/winograd/cuda_convolve.h"

namespace kelvin {
namespace {

using cudnn::Plan;

struct Way {
  enum class Kind { plan, product, winograd, in_two_passes } kind{};
  Plan plan = {};
  std::int64_t most_scratch = 0;  // Winograd's
};

void convolve_by_choice(const Cuda& cuda, const ConvProblem& problem, const ConvTensors& tensors);

// The tensors of a problem as views; their addresses are const because one of three is the result.
template <class T>
struct Views {
  View<T> x, w, y;
  View<const T> residual, bias, mask;
  Views(const ConvProblem& p, const ConvTensors& t)
      : x(view(t.x, {p.x[0], p.x[1], p.x[2], p.x[3]})),
        w(view(t.w, {p.w[0], p.w[1], p.w[2], p.w[3]})),
        y(view(t.y, {p.x[0], p.output_side(0), p.output_side(1), p.w[0]})) {
    if (p.has_residual) residual = view(t.residual, y.shape);
    if (p.has_bias) bias = view(t.bias, {p.w[0]});
    if (p.masked) mask = view(t.mask, x.shape);
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

// Every output pixel sees one input pixel and every input pixel is seen: the image is its patches.
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
  const CudaRange range(cuda, [&] { return str("conv2d ", describe(p)); });  // the other ways have ranges of their own
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

// The plain convolution, then what is added; or the data gradient with what is added, then the mask.
template <class T>
void run_in_two_passes(const Cuda& cuda, const ConvProblem& p, const ConvTensors& t) {
  ConvProblem plain = p;
  const Views<T> all(p, t);
  if (p.masked) {
    plain.masked = false;
    convolve_by_choice(cuda, plain, {.x = t.x, .w = t.w, .y = t.y});
    return relu_backward<T>(cuda, all.x, all.x, all.mask);
  }
  plain.has_residual = plain.has_bias = plain.relu = plain.adds = false;
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
    case Way::Kind::plan: return run_plan(cuda, p, way.plan, t);
    case Way::Kind::product:
      return p.dtype == DType::bf16 ? multiply<bfloat16>(cuda, p, t) : multiply<float>(cuda, p, t);
    case Way::Kind::winograd: return winograd::cuda_convolve(cuda, p, t, way.most_scratch);
    case Way::Kind::in_two_passes:
      return p.dtype == DType::bf16 ? run_in_two_passes<bfloat16>(cuda, p, t) : run_in_two_passes<float>(cuda, p, t);
  }
}

// In the order in which they are tried.
std::vector<Way> ways_of(const Cuda& cuda, const ConvProblem& p) {
  constexpr std::size_t kTried = 5, kCompiled = 2;
  std::vector<Way> ways;
  const bool is_wide = std::min(p.w[0], p.w[3]) >= 64;  // with fewer channels Winograd's products wait for memory
  const auto add_winograd = [&] {
    for (const std::int64_t most_scratch : winograd::cuda_strips(p))
      ways.push_back({Way::Kind::winograd, {}, most_scratch});
  };
  if (is_wide) add_winograd();
  if (!p.masked || cuda_settings().compile)
    for (const Plan& plan :
         cudnn::conv_plans({.handle = cuda.cudnn()}, p, {.deterministic = cuda_settings().deterministic},
                           p.masked ? kCompiled : kTried))
      ways.push_back({Way::Kind::plan, plan});
  if (!is_wide) add_winograd();
  const bool is_product = is_pointwise(p) || has_few_patches(p);
  const bool cudnn_transposes = p.dtype == DType::f32 && !p.allow_tf32;
  if (is_product && !p.masked) ways.insert(cudnn_transposes ? ways.begin() : ways.end(), {Way::Kind::product});
  if (p.has_epilogue() || p.masked || (p.adds && !is_product)) ways.push_back({Way::Kind::in_two_passes});
  return ways;
}

// How far a way to a masked data gradient is from the two passes, on normal numbers: the caller's may all be zero. Half of the mask is zeros,
// as a ReLU leaves them; the sum so far is read where the result is written.
template <class T>
double error_of_masked(const Cuda& cuda, const ConvProblem& p, const Way& way, const void* filter) {
  const Shape images{p.x[0], p.x[1], p.x[2], p.x[3]}, outputs{p.x[0], p.output_side(0), p.output_side(1), p.w[0]};
  const auto room_for = [](const Shape& s) { return static_cast<std::size_t>(s.size()) * sizeof(T); };
  const CudaBlock dy(cuda, room_for(outputs)), mask(cuda, room_for(images));
  const CudaBlock got(cuda, room_for(images)), expected(cuda, room_for(images));
  const auto draw = [&](const CudaBlock& to, const Shape& shape, std::uint64_t which) {
    draw_normal<T>(cuda, {to.as<T>(), shape}, {which, random_stream("masked gradient trial")});
  };
  draw(dy, outputs, 0);
  draw(mask, images, 1);
  relu_forward<T>(cuda, {mask.as<T>(), images}, {mask.as<const T>(), images});
  for (const CudaBlock* const sum : {&got, &expected}) draw(*sum, images, 2);
  run(cuda, p, way, {.x = got.as<void>(), .w = filter, .y = dy.as<void>(), .mask = mask.as<void>()});
  run(cuda, p, {Way::Kind::in_two_passes},
      {.x = expected.as<void>(), .w = filter, .y = dy.as<void>(), .mask = mask.as<void>()});
  const Shape matrix{images.size() / p.x[3], p.x[3]};
  return distance<T>(cuda, {got.as<const T>(), matrix}, {expected.as<const T>(), matrix}, 0, p.x[3]).relative();
}

// A plan for a masked data gradient is believed only where it does what the two passes do. Both round the same sums once, to 8 or 24 bits, or
// their factors to 10; a mask gone wrong costs half of the result.
// One that cannot run, which cuDNN may find out only then, is none.
bool is_right(const Cuda& cuda, const ConvProblem& p, const Way& way, const void* filter) try {
  constexpr double kTolerance = 2e-2;
  if (!p.masked || way.kind != Way::Kind::plan) return true;
  const double error = p.dtype == DType::bf16 ? error_of_masked<bfloat16>(cuda, p, way, filter)
                                              : error_of_masked<float>(cuda, p, way, filter);
  if (error <= kTolerance) return true;  // false where it is not a number
  std::fprintf(stderr, "kelvin: cuDNN's engine %lld is not used for %s: it differs from two passes by %.2g\n",
               static_cast<long long>(way.plan.engine), describe(p).c_str(), error);
  return false;
} catch (const Error&) {
  return false;
}

Way choose(const Cuda& cuda, const ConvProblem& problem, bool by_time, ConvTensors tensors) {
  std::optional<CudaBlock> scratch;
  if (problem.adds) {  // once only where it counts
    scratch.emplace(cuda,
                    static_cast<std::size_t>(Shape{problem.x[0], problem.x[1], problem.x[2], problem.x[3]}.size()) *
                        bytes_of(problem.dtype));
    tensors.x = scratch->as<void>();
  }
  std::vector<Way> ways = ways_of(cuda, problem);
  std::erase_if(ways, [&](const Way& way) { return !is_right(cuda, problem, way, tensors.w); });
  if (ways.empty()) throw internal_error("cuDNN has no plan for ", describe(problem));
  return choose_way(cuda, ways, by_time, [&](const Way& way) { run(cuda, problem, way, tensors); });
}

void convolve_by_choice(const Cuda& cuda, const ConvProblem& problem, const ConvTensors& tensors) {
  static auto& chosen = *new std::map<ConvProblem, Way>;  // never destroyed: at exit cuDNN may be gone before its plans
  auto found = chosen.find(problem);
  if (found == chosen.end()) {
    KELVIN_CHECK(!is_recording(cuda), "first met in a recorded step: ", describe(problem));
    const Way way = choose(cuda, problem, cuda_settings().autotune, tensors);
    found = chosen.emplace(problem, way).first;
  }
  run(cuda, problem, found->second, tensors);
}

}  // namespace

void convolve(const Cuda& cuda, const ConvProblem& problem, const ConvTensors& tensors) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  convolve_by_choice(cuda, problem, tensors);
}

}  // namespace kelvin
