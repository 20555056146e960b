// cuBLASLt, and split_matmul.h where that is faster. cuBLASLt thinks in columns: a row-major [M, N] matrix is its column-major [N, M], so it computes
// yᵀ = op(b)ᵀ op(a)ᵀ on the same memory and its bias over rows is our bias over columns. Algorithms come from its heuristic once for each shape
// and alignment (it takes addresses for multiples of 256 unless told otherwise, and rows taken out of a tensor begin anywhere), with autotuning
// the fastest of its first eight and ours; 32 MiB of workspace, as NVIDIA advises for Hopper. Deterministic: sums of a fixed order and one stream.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "kernels/cublas/library.h"
#include "kernels/cuda_matmul.h"
#include "kernels/device/cuda.h"
#include "kernels/device/cuda_device.h"
#include "kernels/device/cuda_profile.h"
#include "kernels/device/cuda_stopwatch.h"
#include "kernels/device/pool_block.h"
#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "kernels/split_matmul.h"

namespace kelvin {
namespace {

constexpr std::size_t kWorkspace = std::size_t{32} << 20;

struct Key {
  DType in, out;
  std::int64_t m, n, k;
  bool transpose_a, transpose_b, has_residual, has_bias, relu, tf32;
  std::uint32_t a_alignment, b_alignment, y_alignment, residual_alignment;  // bytes
  std::int64_t count = 1, a_pitch = 0, b_pitch = 0, y_pitch = 0;  // of a batch; a pitch of 0: as many as columns
  auto operator<=>(const Key&) const = default;
};

struct Algorithm {  // with a name: nvcc 13.0 fails on containers of cuBLASLt's own
  cublasLtMatmulAlgo_t opaque{};
};

// cuBLASLt's algorithm, or ours.
struct Way {
  Algorithm algorithm;
  std::optional<SplitTiling> split;
};

struct Plan {
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, y = nullptr;
  Way way;
};

cudaDataType_t data_type(DType t) { return t == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F; }

// The power of two, at most 256, that the address is a multiple of.
std::uint32_t alignment_of(const void* address) {
  const std::uintptr_t bits = reinterpret_cast<std::uintptr_t>(address) | 256u;
  return static_cast<std::uint32_t>(bits & ~(bits - 1));
}

// The layout of row-major [rows, cols] matrices as cuBLASLt sees them.
cublasLtMatrixLayout_t layout(DType t, std::int64_t rows, std::int64_t cols, std::int64_t pitch, std::int64_t count) {
  const cublas::Library& l = cublas::library();
  if (pitch == 0) pitch = cols;
  cublasLtMatrixLayout_t made = nullptr;
  cublas::check(
      l.layout_create(&made, data_type(t), static_cast<std::uint64_t>(cols), static_cast<std::uint64_t>(rows), pitch),
      "describing a matrix");
  if (count == 1) return made;
  const auto matrices = static_cast<std::int32_t>(count);
  const std::int64_t apart = rows * pitch;
  cublas::check(l.layout_set_attribute(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &matrices, sizeof matrices),
                "describing a batch");
  cublas::check(l.layout_set_attribute(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &apart, sizeof apart),
                "describing a batch");
  return made;
}

template <class V>
void set(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t name, const V& value) {
  cublas::check(cublas::library().desc_set_attribute(d, name, &value, sizeof value), "setting an attribute");
}
template <class V>
void set(cublasLtMatmulPreference_t p, cublasLtMatmulPreferenceAttributes_t name, const V& value) {
  cublas::check(cublas::library().preference_set_attribute(p, name, &value, sizeof value), "setting a preference");
}

// All but the way.
Plan describe(const Key& key) {
  const cublas::Library& l = cublas::library();
  Plan plan;
  const cublasComputeType_t compute = key.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  cublas::check(l.desc_create(&plan.operation, compute, CUDA_R_32F), "describing a product");
  // First factor: op(b)ᵀ. Memory of b read in columns is bᵀ already, so "no transposition" there means op(b) = b.
  const cublasOperation_t keep = CUBLAS_OP_N, flip = CUBLAS_OP_T;
  set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSA, key.transpose_b ? flip : keep);
  set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSB, key.transpose_a ? flip : keep);
  if (key.has_bias || key.relu)
    set(plan.operation, CUBLASLT_MATMUL_DESC_EPILOGUE,
        !key.relu      ? CUBLASLT_EPILOGUE_BIAS
        : key.has_bias ? CUBLASLT_EPILOGUE_RELU_BIAS
                       : CUBLASLT_EPILOGUE_RELU);
  const auto stored = [&](DType t, bool transposed, std::int64_t rows, std::int64_t cols, std::int64_t pitch) {
    return transposed ? layout(t, cols, rows, pitch, key.count) : layout(t, rows, cols, pitch, key.count);
  };
  plan.a = stored(key.in, key.transpose_a, key.m, key.k, key.a_pitch);
  plan.b = stored(key.in, key.transpose_b, key.k, key.n, key.b_pitch);
  plan.y = stored(key.out, false, key.m, key.n, key.y_pitch);
  return plan;
}

using Ways = std::vector<Way>;

// The heuristic's, best first.
Ways algorithms_for(const Cuda& cuda, const Key& key, const Plan& plan) {
  constexpr int kTried = 8;
  const cublas::Library& l = cublas::library();
  cublasLtMatmulPreference_t preference = nullptr;
  cublas::check(l.preference_create(&preference), "describing preferences");
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspace);
  // Sums along a K that is split are combined in float32, and in a fixed order.
  set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  // In cuBLASLt's order of factors: ours are swapped.
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key.b_alignment);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key.a_alignment);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, key.residual_alignment);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key.y_alignment);
  std::array<cublasLtMatmulHeuristicResult_t, kTried> results{};
  int found = 0;
  const cublasStatus_t status = l.get_heuristic(cuda.cublas(), plan.operation, plan.b, plan.a, plan.y, plan.y,
                                                preference, kTried, results.data(), &found);
  l.preference_destroy(preference);
  Ways algorithms;
  for (int i = 0; status == CUBLAS_STATUS_SUCCESS && i < found; ++i)
    if (results[static_cast<std::size_t>(i)].state == CUBLAS_STATUS_SUCCESS)
      algorithms.push_back({{results[static_cast<std::size_t>(i)].algo}, {}});
  if (algorithms.empty())
    throw internal_error("cuBLASLt has no algorithm for [", key.m, ", ", key.k, "] x [", key.k, ", ", key.n, "] of ",
                         name_of(key.in), " to ", name_of(key.out));
  return algorithms;
}

// What a product is of.
struct Operands {
  void* y;
  const void *a, *b;
  const void* residual = nullptr;  // added to it; may be y
  const void* bias = nullptr;      // set in cuBLASLt's description, too
};

FloatProduct as_float_product(const Key& key, const Operands& o) {
  const auto floats = [](const void* p) { return static_cast<const float*>(p); };
  return {.y = static_cast<float*>(o.y),
          .a = floats(o.a),
          .b = floats(o.b),
          .residual = floats(o.residual),
          .bias = floats(o.bias),
          .m = key.m,
          .n = key.n,
          .k = key.k,
          .count = key.count,
          .a_pitch = key.a_pitch,
          .b_pitch = key.b_pitch,
          .y_pitch = key.y_pitch,
          .transpose_a = key.transpose_a,
          .transpose_b = key.transpose_b,
          .relu = key.relu};
}

// Our ways to a product of float32.
Ways splits_for(const Key& key, const Operands& operands) {
  Ways ways;
  if (key.in == DType::f32 && !key.tf32)
    for (const SplitTiling& tiling : split_tilings(as_float_product(key, operands))) ways.push_back({{}, tiling});
  return ways;
}

void run(const Cuda& cuda, const Key& key, const Plan& plan, const Operands& o) {
  if (plan.way.split) return split_matmul(cuda, as_float_product(key, o), *plan.way.split);
  const CudaRange range(cuda, [&] {
    return str(key.count == 1 ? "" : str(key.count, " x "), "matmul ", name_of(key.in), " [", key.m, ", ", key.k,
               "] x [", key.k, ", ", key.n, "] to ", name_of(key.out), o.residual != nullptr ? ", added" : "",
               key.has_bias ? ", + bias" : "", key.relu ? ", relu" : "");
  });
  const CudaBlock workspace(cuda, kWorkspace);
  const float one = 1.0f, of_residual = o.residual != nullptr ? 1.0f : 0.0f;
  const void* const residual = o.residual != nullptr ? o.residual : o.y;
  cublas::check(cublas::library().matmul(cuda.cublas(), plan.operation, &one, o.b, plan.b, o.a, plan.a, &of_residual,
                                         residual, plan.y, o.y, plan.y, &plan.way.algorithm.opaque,
                                         workspace.as<void>(), kWorkspace, cuda.stream()),
                "running a product");
}

// The fastest of the ways on these operands. Where y is added to itself it stays as it is.
Way fastest(const Cuda& cuda, const Key& key, Plan plan, const Ways& ways, Operands operands) {
  std::optional<CudaBlock> scratch;
  if (operands.residual == operands.y) {
    scratch.emplace(cuda,
                    static_cast<std::size_t>(key.count * key.m * std::max(key.y_pitch, key.n)) * bytes_of(key.out));
    operands.y = scratch->as<void>();
  }
  return choose_way(cuda, ways, true, [&](const Way& way) {
    plan.way = way;
    run(cuda, key, plan, operands);
  });
}

const Plan& plan_for(const Cuda& cuda, const Key& key, const Operands& operands) {
  static std::mutex mutex;
  static std::map<Key, Plan>& plans = *new std::map<Key, Plan>;  // never destroyed, like the library itself
  const std::lock_guard lock(mutex);
  if (const auto found = plans.find(key); found != plans.end()) return found->second;
  Plan plan = describe(key);
  if (operands.bias != nullptr) set(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, operands.bias);
  const bool by_time = cuda_settings().autotune && !is_recording(cuda);
  const Ways splits = by_time || must_split() ? splits_for(key, operands) : Ways{};
  if (must_split() && !splits.empty()) {
    plan.way = splits.front();
  } else {
    Ways ways = algorithms_for(cuda, key, plan);
    ways.insert(ways.end(), splits.begin(), splits.end());
    plan.way = by_time && ways.size() > 1 ? fastest(cuda, key, plan, ways, operands) : ways.front();
  }
  return plans.emplace(key, plan).first->second;
}

// The bias as cuBLASLt's epilogue wants it: in the result's element type and at a multiple of 16 bytes, which no preference can speak of.
// Itself where it is that, else a copy in scratch memory.
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
  const std::int64_t m = o.transpose_a ? a.dim(1) : a.dim(0), k = o.transpose_a ? a.dim(0) : a.dim(1);
  const std::int64_t n = o.transpose_b ? b.dim(0) : b.dim(1);
  const Operands operands = {y.data, a.data, b.data, residual, bias};
  const Key key = {.in = dtype_of<T>,
                   .out = dtype_of<Out>,
                   .m = m,
                   .n = n,
                   .k = k,
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
  const Plan& plan = plan_for(cuda, key, operands);
  if (bias != nullptr) set(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  run(cuda, key, plan, operands);
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
                    const Matrices<const float>& b, const MatmulOptions& o, bool adds) {
  const std::int64_t k = o.transpose_a ? a.rows : a.cols;
  const Operands operands = {y.data, a.data, b.data, adds ? y.data : nullptr};
  const Key key = {.in = DType::f32,
                   .out = DType::f32,
                   .m = y.rows,
                   .n = y.cols,
                   .k = k,
                   .transpose_a = o.transpose_a,
                   .transpose_b = o.transpose_b,
                   .has_residual = adds,
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
  run(cuda, key, plan_for(cuda, key, operands), operands);
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
