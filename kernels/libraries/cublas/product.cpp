#include "kernels/libraries/cublas/product.h"

#include <array>

#include "kernels/device/error.h"

namespace kelvin::cublas {
namespace {

cudaDataType_t data_type(DType t) { return t == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F; }

// The layout of row-major [rows, cols] matrices as cuBLASLt sees them.
cublasLtMatrixLayout_t layout(DType t, std::int64_t rows, std::int64_t cols, std::int64_t pitch, std::int64_t count) {
  const Library& l = library();
  if (pitch == 0) pitch = cols;
  cublasLtMatrixLayout_t made = nullptr;
  check(l.layout_create(&made, data_type(t), static_cast<std::uint64_t>(cols), static_cast<std::uint64_t>(rows), pitch),
        "describing a matrix");
  if (count == 1) return made;
  const auto matrices = static_cast<std::int32_t>(count);
  const std::int64_t apart = rows * pitch;
  check(l.layout_set_attribute(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &matrices, sizeof matrices),
        "describing a batch");
  check(l.layout_set_attribute(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &apart, sizeof apart),
        "describing a batch");
  return made;
}

template <class V>
void set(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t name, const V& value) {
  check(library().desc_set_attribute(d, name, &value, sizeof value), "setting an attribute");
}
template <class V>
void set(cublasLtMatmulPreference_t p, cublasLtMatmulPreferenceAttributes_t name, const V& value) {
  check(library().preference_set_attribute(p, name, &value, sizeof value), "setting a preference");
}

}  // namespace

std::string describe(const Product& p) {
  return str(p.count == 1 ? "" : str(p.count, " x "), "matmul ", name_of(p.in), " [", p.m, ", ", p.k, "] x [", p.k,
             ", ", p.n, "] to ", name_of(p.out), p.has_residual ? ", added" : "", p.has_bias ? ", + bias" : "",
             p.relu ? ", relu" : "");
}

Description description_of(const Product& p) {
  Description d;
  const cublasComputeType_t compute = p.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  check(library().desc_create(&d.operation, compute, CUDA_R_32F), "describing a product");
  // First factor: op(b)ᵀ. Memory of b read in columns is bᵀ already, so "no transposition" there means op(b) = b.
  const cublasOperation_t keep = CUBLAS_OP_N, flip = CUBLAS_OP_T;
  set(d.operation, CUBLASLT_MATMUL_DESC_TRANSA, p.transpose_b ? flip : keep);
  set(d.operation, CUBLASLT_MATMUL_DESC_TRANSB, p.transpose_a ? flip : keep);
  if (p.has_bias || p.relu)
    set(d.operation, CUBLASLT_MATMUL_DESC_EPILOGUE,
        !p.relu      ? CUBLASLT_EPILOGUE_BIAS
        : p.has_bias ? CUBLASLT_EPILOGUE_RELU_BIAS
                     : CUBLASLT_EPILOGUE_RELU);
  const auto stored = [&](DType t, bool transposed, std::int64_t rows, std::int64_t cols, std::int64_t pitch) {
    return transposed ? layout(t, cols, rows, pitch, p.count) : layout(t, rows, cols, pitch, p.count);
  };
  d.a = stored(p.in, p.transpose_a, p.m, p.k, p.a_pitch);
  d.b = stored(p.in, p.transpose_b, p.k, p.n, p.b_pitch);
  d.y = stored(p.out, false, p.m, p.n, p.y_pitch);
  return d;
}

std::vector<Algorithm> algorithms_for(cublasLtHandle_t handle, const Product& product, const Description& d,
                                      const Operands& operands, std::size_t most_workspace) {
  constexpr int kTried = 8;
  const Library& l = library();
  if (operands.bias != nullptr) set(d.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, operands.bias);
  cublasLtMatmulPreference_t preference = nullptr;
  check(l.preference_create(&preference), "describing preferences");
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, most_workspace);
  // Sums along a K that is split are combined in float32, and in a fixed order.
  set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  // In cuBLASLt's order of factors: ours are swapped.
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, product.b_alignment);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, product.a_alignment);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, product.residual_alignment);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, product.y_alignment);
  std::array<cublasLtMatmulHeuristicResult_t, kTried> results{};
  int found = 0;
  const cublasStatus_t status =
      l.get_heuristic(handle, d.operation, d.b, d.a, d.y, d.y, preference, kTried, results.data(), &found);
  l.preference_destroy(preference);
  std::vector<Algorithm> algorithms;
  for (std::size_t i = 0; status == CUBLAS_STATUS_SUCCESS && i < static_cast<std::size_t>(found); ++i)
    if (results[i].state == CUBLAS_STATUS_SUCCESS) algorithms.push_back({results[i].algo, results[i].workspaceSize});
  return algorithms;
}

void execute(cublasLtHandle_t handle, cudaStream_t stream, const Description& d, const Algorithm& algorithm,
             const Operands& o, void* workspace, std::size_t workspace_bytes) {
  if (o.bias != nullptr) set(d.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, o.bias);
  const float one = 1.0f, residual_scale = o.residual != nullptr ? 1.0f : 0.0f;
  const void* const residual = o.residual != nullptr ? o.residual : o.y;
  check(with_spare_memory([&] {
          return library().matmul(handle, d.operation, &one, o.b, d.b, o.a, d.a, &residual_scale, residual, d.y, o.y,
                                  d.y, &algorithm.opaque, workspace, workspace_bytes, stream);
        }),
        "running a product");
}

}  // namespace kelvin::cublas
