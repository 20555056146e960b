#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "kernels/convolve.h"
#include "kernels/device/cuda.h"
#include "kernels/device/cuda_device.h"
#include "kernels/device/cuda_profile.h"
#include "kernels/device/cuda_stopwatch.h"
#include "kernels/device/pool_block.h"
#include "kernels/matmul.h"

namespace kelvin {
namespace {

using cudnn::ConvProblem;
using cudnn::Direction;
using cudnn::Plan;

// A plan of cuDNN's, or none: the matrix product.
using Way = std::optional<Plan>;

bool is_product(const ConvProblem& p) { return p.w[1] == 1 && p.w[2] == 1 && p.stride == 1 && p.pad == 0; }

template <class T>
void multiply(const Cuda& cuda, const ConvProblem& p, const void* x, const void* w, const void* y) {
  const std::int64_t pixels = p.x[0] * p.x[1] * p.x[2], c = p.x[3], k = p.w[0];
  const auto matrix = [](const void* data, std::int64_t rows, std::int64_t cols) {
    return View<T>{static_cast<T*>(const_cast<void*>(data)), {rows, cols}};  // the result is one of the three
  };
  const View<T> images = matrix(x, pixels, c), filter = matrix(w, k, c), outputs = matrix(y, pixels, k);
  switch (p.direction) {
    case Direction::forward: return matmul<T, T>(cuda, outputs, images, filter, {}, {.transpose_b = true});
    case Direction::backward_data: return matmul<T, T>(cuda, images, outputs, filter, {}, {});
    case Direction::backward_filter: return matmul<T, T>(cuda, filter, outputs, images, {}, {.transpose_a = true});
  }
}

void run(const Cuda& cuda, const ConvProblem& p, const Way& way, const void* x, const void* w, const void* y) {
  if (!way && p.dtype == DType::bf16) return multiply<bfloat16>(cuda, p, x, w, y);
  if (!way) return multiply<float>(cuda, p, x, w, y);
  const CudaBlock workspace(cuda, static_cast<std::size_t>(std::max<std::int64_t>(way->workspace, 1)));
  cudnn::execute(cuda.cudnn(), *way, x, w, y, workspace.as<void>());
}

// In the order in which they are tried.
std::vector<Way> ways_of(const Cuda& cuda, const ConvProblem& p, std::size_t most_plans) {
  std::vector<Way> ways;
  for (const Plan& plan :
       cudnn::conv_plans({.handle = cuda.cudnn()}, p, {.deterministic = cuda_settings().deterministic}, most_plans))
    ways.emplace_back(plan);
  const bool transposes = p.dtype == DType::f32 && !p.allow_tf32;
  if (is_product(p)) ways.insert(transposes ? ways.begin() : ways.end(), std::nullopt);
  return ways;
}

// Runs them; the fastest, or the first that can run if time does not count.
Way choose(const Cuda& cuda, const ConvProblem& problem, bool by_time, const void* x, const void* w, const void* y) {
  constexpr std::size_t kTried = 5;
  constexpr float kWorthwhile = 0.97f;  // of the best time so far: less may be noise
  CudaStopwatch watch(cuda);
  std::optional<Way> best;
  float best_time = 0;
  std::exception_ptr failure;
  for (const Way& way : ways_of(cuda, problem, kTried)) try {
      const auto once = [&] { run(cuda, problem, way, x, w, y); };
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

}  // namespace

void convolve(const Cuda& cuda, const ConvProblem& problem, const void* x, const void* w, const void* y) {
  static std::mutex mutex;
  static auto& chosen = *new std::map<ConvProblem, Way>;  // never destroyed: at exit cuDNN may be gone before its plans
  const std::lock_guard lock(mutex);
  const CudaRange range(cuda, [&] { return str("conv2d ", cudnn::describe(problem)); });
  auto found = chosen.find(problem);
  if (found == chosen.end()) {
    KELVIN_CHECK(!is_recording(cuda), "first met in a recorded step: ", cudnn::describe(problem));
    found = chosen.emplace(problem, choose(cuda, problem, cuda_settings().autotune, x, w, y)).first;
  }
  run(cuda, problem, found->second, x, w, y);
}

}  // namespace kelvin
