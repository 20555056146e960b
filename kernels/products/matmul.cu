// cuBLASLt, and split_matmul.h where that is faster. cuBLASLt's algorithms come from its heuristic once for each shape and alignment (it takes
// addresses for multiples of 256 unless told otherwise, and rows taken out of a tensor begin anywhere), with autotuning the fastest of its first
// eight and ours; 32 MiB of workspace, as NVIDIA advises for Hopper. Deterministic: sums of a fixed order and one stream.
#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/relative_error.h"
#include "kernels/device/cuda.h"
#include "kernels/device/cuda_profile.h"
#include "kernels/device/cuda_stopwatch.h"
#include "kernels/device/notes.h"
#include "kernels/device/pool_block.h"
#include "kernels/layers/relu.h"
#include "kernels/libraries/cublas/product.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/products/cuda_matmul.h"
#include "kernels/products/matmul.h"
#include "kernels/products/split_matmul.h"

namespace kelvin {
namespace {

using cublas::Algorithm;
using cublas::Operands;
using cublas::Product;

constexpr std::size_t kWorkspace = std::size_t{32} << 20;

// One of cuBLASLt's algorithms, one of ours, or the product without its ReLU and then a pass for that.
struct Candidate {
  Algorithm algorithm = {};
  std::optional<SplitTiling> split = {};
  bool relu_apart = false;
};
using Candidates = std::vector<Candidate>;

struct Plan {
  cublas::Description description;
  Candidate candidate;
};

const Plan& plan_for(const Cuda& cuda, const Product& product, const Operands& operands);

// The power of two, at most 256, that the address is a multiple of.
std::uint32_t alignment_of(const void* address) {
  const std::uintptr_t bits = reinterpret_cast<std::uintptr_t>(address) | 256u;
  return static_cast<std::uint32_t>(bits & ~(bits - 1));
}

FloatProduct as_float_product(const Product& p, const Operands& o) {
  const auto floats = [](const void* address) { return static_cast<const float*>(address); };
  return {.y = static_cast<float*>(o.y),
          .a = floats(o.a),
          .b = floats(o.b),
          .residual = floats(o.residual),
          .bias = floats(o.bias),
          .m = p.m,
          .n = p.n,
          .k = p.k,
          .count = p.count,
          .a_pitch = p.a_pitch,
          .b_pitch = p.b_pitch,
          .y_pitch = p.y_pitch,
          .transpose_a = p.transpose_a,
          .transpose_b = p.transpose_b,
          .relu = p.relu};
}

// Our own algorithms for a product of float32.
Candidates splits_for(const Product& product, const Operands& operands, bool even_if_small) {
  Candidates candidates;
  if (product.in == DType::f32 && !product.tf32)
    for (const SplitTiling& tiling : split_tilings(as_float_product(product, operands), even_if_small))
      candidates.push_back({.split = tiling});
  return candidates;
}

// Allocates the usual workspace or, where there is no memory for that, as much as the algorithm needs. Returns its size.
std::size_t take_workspace(const Cuda& cuda, const Algorithm& algorithm, std::optional<CudaBlock>& workspace) {
  try {
    workspace.emplace(cuda, kWorkspace);
    return kWorkspace;
  } catch (const Error& e) {
    if (e.code() != ExitCode::out_of_memory) throw;
  }
  workspace.emplace(cuda, std::max<std::size_t>(algorithm.workspace, 1));
  return algorithm.workspace;
}

void run_algorithm(const Cuda& cuda, const Product& product, const cublas::Description& description,
                   const Algorithm& algorithm, const Operands& operands) {
  const CudaRange range(cuda, [&] { return describe(product); });
  std::optional<CudaBlock> workspace;
  const std::size_t bytes = take_workspace(cuda, algorithm, workspace);
  cublas::execute(cuda.cublas(), cuda.stream(), description, algorithm, operands, workspace->as<void>(), bytes);
}

void apply_relu(const Cuda& cuda, const Product& product, void* y) {
  const auto in_place = [&]<class T>(T* data) {
    const View<T> all{data, {product.m, product.n}};
    relu_forward<T>(cuda, all, all);
  };
  product.out == DType::bf16 ? in_place(static_cast<bfloat16*>(y)) : in_place(static_cast<float*>(y));
}

void run(const Cuda& cuda, const Product& product, const Plan& plan, const Operands& operands) {
  if (plan.candidate.split) return split_matmul(cuda, as_float_product(product, operands), *plan.candidate.split);
  if (!plan.candidate.relu_apart)
    return run_algorithm(cuda, product, plan.description, plan.candidate.algorithm, operands);
  Product without = product;
  without.relu = false;
  run(cuda, without, plan_for(cuda, without, operands), operands);
  apply_relu(cuda, product, operands.y);
}

std::size_t result_bytes(const Product& p) {
  return static_cast<std::size_t>(p.count * p.m * std::max(p.y_pitch, p.n)) * bytes_of(p.out);
}

// Whether the algorithm's ReLU passes NaN on, as ours does: tested with a residual of NaN, because cuBLASLt does not document it.
bool keeps_nan(const Cuda& cuda, const Product& product, const cublas::Description& description,
               const Algorithm& algorithm, Operands operands) try {
  const CudaBlock y(cuda, result_bytes(product));
  KELVIN_CHECK_CUDA(cudaMemsetAsync(y.as<void>(), 0xff, result_bytes(product), cuda.stream()));
  operands.y = y.as<void>();
  operands.residual = y.as<void>();
  run_algorithm(cuda, product, description, algorithm, operands);
  const Shape shape{product.m, product.n};
  return product.out == DType::bf16 ? is_all_nan<bfloat16>(cuda, {y.as<const bfloat16>(), shape})
                                    : is_all_nan<float>(cuda, {y.as<const float>(), shape});
} catch (const Error&) {  // it cannot run, or there is no memory to try it
  return false;
}

// The candidates in the order of preference.
Candidates candidates_of(const Cuda& cuda, const Product& product, const cublas::Description& description,
                         const Operands& operands, bool by_time) {
  const std::vector<Algorithm> algorithms =
      cublas::algorithms_for(cuda.cublas(), product, description, operands, kWorkspace);
  const bool can_try = !is_recording(cuda);
  Candidates candidates;
  for (const Algorithm& algorithm : algorithms)
    if (!product.relu || (can_try && keeps_nan(cuda, product, description, algorithm, operands))) {
      candidates.push_back({.algorithm = algorithm});
      if (!by_time) break;
    }
  if (candidates.empty() && !algorithms.empty()) {
    if (can_try) note_once("cuBLASLt's ReLU does not hand NaN on here: it is a pass of its own");
    candidates.push_back({.relu_apart = true});
  }
  const Candidates splits = splits_for(product, operands, candidates.empty());
  if (by_time || candidates.empty()) candidates.insert(candidates.end(), splits.begin(), splits.end());
  if (candidates.empty()) throw internal_error("cuBLASLt has no algorithm for ", describe(product));
  return candidates;
}

// The fastest candidate on these operands. Where y is also the residual, the trials write elsewhere.
Candidate fastest(const Cuda& cuda, const Product& product, const cublas::Description& description,
                  const Candidates& candidates, Operands operands) {
  std::optional<CudaBlock> scratch;
  if (operands.residual == operands.y) {
    scratch.emplace(cuda, result_bytes(product));
    operands.y = scratch->as<void>();
  }
  return choose_candidate(cuda, candidates, true, [&](const Candidate& candidate) {
    run(cuda, product, {description, candidate}, operands);
  });
}

Candidate choose(const Cuda& cuda, const Product& product, const cublas::Description& description,
                 const Operands& operands) {
  if (must_split())
    if (const Candidates splits = splits_for(product, operands, false); !splits.empty()) return splits.front();
  const bool by_time = cuda_settings().autotune && !is_recording(cuda);
  const Candidates candidates = candidates_of(cuda, product, description, operands, by_time);
  if (!by_time || candidates.size() == 1) return candidates.front();
  try {
    return fastest(cuda, product, description, candidates, operands);
  } catch (const Error& e) {
    if (e.code() != ExitCode::out_of_memory) throw;
    return candidates.front();  // there is no memory to time them
  }
}

const Plan& plan_for(const Cuda& cuda, const Product& product, const Operands& operands) {
  static std::recursive_mutex mutex;  // recursive: a candidate may run another product
  static std::map<Product, Plan>& plans = *new std::map<Product, Plan>;  // never destroyed, like the library itself
  const std::lock_guard lock(mutex);
  if (const auto found = plans.find(product); found != plans.end()) return found->second;
  static std::map<Product, cublas::Description>& descriptions = *new std::map<Product, cublas::Description>;
  const auto [described, is_new] = descriptions.try_emplace(product);  // kept also where there is no candidate
  if (is_new) described->second = cublas::description_of(product);
  Plan plan{described->second, {}};
  plan.candidate = choose(cuda, product, plan.description, operands);
  return plans.emplace(product, plan).first->second;
}

// Runs the chosen candidate or, where that finds no memory, the algorithm that needs none.
void multiply(const Cuda& cuda, const Product& product, const Operands& operands) try {
  run(cuda, product, plan_for(cuda, product, operands), operands);
} catch (const Error& e) {
  if (e.code() != ExitCode::out_of_memory) throw;
  const Candidates splits = splits_for(product, operands, true);
  if (splits.empty()) throw;
  note_once(str(describe(product), " uses the algorithm that needs no scratch memory: the GPU has none left"));
  split_matmul(cuda, as_float_product(product, operands), {.in_pairs = splits.front().split->in_pairs, .parts = 1});
}

// The bias as cuBLASLt's epilogue needs it: in the result's element type and at a multiple of 16 bytes, which no preference can express.
// The bias itself where it is so, otherwise a copy in scratch memory.
template <class Out, class In>
const Out* epilogue_bias(const Cuda& cuda, std::optional<CudaBlock>& scratch, View<const In> bias) {
  if (bias.empty()) return nullptr;
  if constexpr (std::is_same_v<Out, In>)
    if (reinterpret_cast<std::uintptr_t>(bias.data) % 16 == 0) return bias.data;
  scratch.emplace(cuda, static_cast<std::size_t>(bias.size()) * sizeof(Out));
  convert<Out, In>(cuda, {scratch->as<Out>(), bias.shape}, bias);
  return scratch->as<Out>();
}

template <class Out, class T>
void multiply(const Cuda& cuda, View<Out> y, View<const T> a, View<const T> b, const Out* residual, const Out* bias,
              bool relu, const MatmulOptions& o) {
  const Product product = {.in = dtype_of<T>,
                           .out = dtype_of<Out>,
                           .m = o.transpose_a ? a.dim(1) : a.dim(0),
                           .n = o.transpose_b ? b.dim(0) : b.dim(1),
                           .k = o.transpose_a ? a.dim(0) : a.dim(1),
                           .transpose_a = o.transpose_a,
                           .transpose_b = o.transpose_b,
                           .has_residual = residual != nullptr,
                           .has_bias = bias != nullptr,
                           .relu = relu,
                           .tf32 = dtype_of<T> == DType::f32 && cuda_settings().allow_tf32,
                           .a_alignment = alignment_of(a.data),
                           .b_alignment = alignment_of(b.data),
                           .y_alignment = alignment_of(y.data),
                           .residual_alignment = alignment_of(residual != nullptr ? residual : y.data)};
  multiply(cuda, product, {y.data, a.data, b.data, residual, bias});
}

}  // namespace

template <class Out, class T>
void matmul(const Cuda& cuda, View<Out> y, View<const T> a, View<const T> b, View<const float> bias,
            const MatmulOptions& o) {
  std::optional<CudaBlock> scratch;
  multiply<Out, T>(cuda, y, a, b, nullptr, epilogue_bias<Out>(cuda, scratch, bias), false, o);
}

template <class T>
void matmul(const Cuda& cuda, View<T> y, View<const T> a, View<const T> b, const MatmulEpilogue<T>& e,
            const MatmulOptions& o) {
  std::optional<CudaBlock> scratch;
  multiply<T, T>(cuda, y, a, b, e.residual.empty() ? nullptr : e.residual.data, epilogue_bias<T>(cuda, scratch, e.bias),
                 e.relu, o);
}

void batched_matmul(const Cuda& cuda, std::int64_t count, const Matrices<float>& y, const Matrices<const float>& a,
                    const Matrices<const float>& b, const MatmulOptions& o) {
  const Product product = {.in = DType::f32,
                           .out = DType::f32,
                           .m = y.rows,
                           .n = y.cols,
                           .k = o.transpose_a ? a.rows : a.cols,
                           .transpose_a = o.transpose_a,
                           .transpose_b = o.transpose_b,
                           .has_residual = false,
                           .has_bias = false,
                           .relu = false,
                           .tf32 = cuda_settings().allow_tf32,
                           .a_alignment = alignment_of(a.data),
                           .b_alignment = alignment_of(b.data),
                           .y_alignment = alignment_of(y.data),
                           .residual_alignment = alignment_of(y.data),
                           .count = count,
                           .a_pitch = a.pitch,
                           .b_pitch = b.pitch,
                           .y_pitch = y.pitch};
  multiply(cuda, product, {y.data, a.data, b.data});
}

template void matmul(const Cuda&, View<float>, View<const float>, View<const float>, View<const float>,
                     const MatmulOptions&);
template void matmul(const Cuda&, View<float>, View<const bfloat16>, View<const bfloat16>, View<const float>,
                     const MatmulOptions&);
template void matmul(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const bfloat16>, View<const float>,
                     const MatmulOptions&);

template void matmul(const Cuda&, View<float>, View<const float>, View<const float>, const MatmulEpilogue<float>&,
                     const MatmulOptions&);
template void matmul(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const bfloat16>,
                     const MatmulEpilogue<bfloat16>&, const MatmulOptions&);

}  // namespace kelvin
