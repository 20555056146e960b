// A stand-in for cuBLASLt: column-major matrix products in plain loops, with the checks that its manual asks callers to respect – shapes
// that fit, element types it has kernels for, pointers as aligned as the heuristic was told they would be (256 bytes unless a preference
// says less), matrices that lie wholly in live device memory, a workspace as large as the algorithm's. What it refuses it explains on
// standard error.
#include "tests/cuda_emulation/nvidia/cublas_lt.h"

#include <cublasLt.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "tests/cuda_emulation/nvidia/element.h"

struct cublasLtContext {};
struct EmulatedMatmulDesc {
  cublasComputeType_t compute{};
  cublasOperation_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;
};
struct EmulatedMatrixLayout {
  cudaDataType_t type{};
  std::int64_t rows = 0, cols = 0, leading_dimension = 0;
  std::int32_t count = 1;  // of a batch
  std::int64_t apart = 0;  // elements from one matrix to the next
};
struct EmulatedMatmulPreference {
  std::size_t most_workspace = 0;
  std::uint32_t alignment[4] = {256, 256, 256, 256};  // of A, B, C, D
};

namespace {

constexpr std::size_t kLibraryBytes = 256 << 10;  // what it keeps on the device
constexpr std::size_t kWorkspace = 4096;          // what these "algorithms" need, and fill with rubbish
constexpr int kAlgorithms = 3;                    // the heuristic's; the last one fails when it runs, as some do

cublasStatus_t refuse(cublasStatus_t status, const char* why) {
  std::fprintf(stderr, "emulated cuBLASLt: %s\n", why);
  return status;
}

// What an algorithm was chosen for; travels in its opaque words.
struct Chosen {
  std::uint64_t alignment[4];
  std::uint64_t m, n, k;
  std::uint64_t number;  // among the listed ones
};
static_assert(sizeof(Chosen) <= sizeof(cublasLtMatmulAlgo_t));

struct Sizes {
  std::int64_t m = 0, n = 0, k = 0;
  bool fit = false;
};

Sizes sizes_of(const EmulatedMatmulDesc& d, const EmulatedMatrixLayout& a, const EmulatedMatrixLayout& b,
               const EmulatedMatrixLayout& y) {
  const bool ta = d.transpose_a == CUBLAS_OP_T, tb = d.transpose_b == CUBLAS_OP_T;
  Sizes s = {ta ? a.cols : a.rows, tb ? b.rows : b.cols, ta ? a.rows : a.cols, false};
  s.fit = s.k == (tb ? b.cols : b.rows) && y.rows == s.m && y.cols == s.n;
  for (const EmulatedMatrixLayout* l : {&a, &b, &y})
    s.fit = s.fit && l->leading_dimension >= l->rows && l->count == y.count;
  return s;
}

bool has_kernels(const EmulatedMatrixLayout& a, const EmulatedMatrixLayout& b, const EmulatedMatrixLayout& y) {
  return a.type == b.type && (y.type == a.type || (a.type == CUDA_R_16BF && y.type == CUDA_R_32F));
}

kelvin::DType dtype(cudaDataType_t type) { return type == CUDA_R_16BF ? kelvin::DType::bf16 : kelvin::DType::f32; }

bool is_whole(const void* data, const EmulatedMatrixLayout& l) {
  const std::int64_t elements = (l.count - 1) * l.apart + (l.cols - 1) * l.leading_dimension + l.rows;
  return simt::device_holds(data, static_cast<std::size_t>(elements) * kelvin::bytes_of(dtype(l.type)));
}

// Column-major; returned dense, rows [outer, k], so that the product below runs along memory.
std::vector<float> factor(const void* data, const EmulatedMatrixLayout& l, std::int64_t first, bool along_rows,
                          bool tf32) {
  const emulated::Elements e = {const_cast<void*>(data), dtype(l.type)};
  const std::int64_t outer = along_rows ? l.rows : l.cols, k = along_rows ? l.cols : l.rows;
  std::vector<float> dense(static_cast<std::size_t>(outer * k));
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i = 0; i < k; ++i) {
      const float v = e.get(first + (along_rows ? i * l.leading_dimension + o : o * l.leading_dimension + i));
      dense[static_cast<std::size_t>(o * k + i)] = tf32 ? emulated::as_tf32(v) : v;
    }
  return dense;
}

}  // namespace

namespace emulated {

CublasSettings& cublas_settings() {
  static CublasSettings settings;
  return settings;
}

}  // namespace emulated

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  static cublasLtContext context;
  void* memory = nullptr;
  if (cudaMalloc(&memory, kLibraryBytes) != cudaSuccess) return CUBLAS_STATUS_ALLOC_FAILED;
  *handle = &context;
  return CUBLAS_STATUS_SUCCESS;
}
const char* cublasLtGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS         ? "success"
         : status == CUBLAS_STATUS_INVALID_VALUE ? "invalid value"
                                                 : "not supported";
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* desc, cublasComputeType_t compute, cudaDataType_t scale) {
  if (scale != CUDA_R_32F) return refuse(CUBLAS_STATUS_NOT_SUPPORTED, "alpha and beta are float");
  *desc = new EmulatedMatmulDesc{.compute = compute};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
  delete desc;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t name,
                                              const void* value, std::size_t bytes) {
  if (bytes != (name == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? sizeof(void*) : 4))
    return refuse(CUBLAS_STATUS_INVALID_VALUE, "an attribute of another size");
  switch (name) {
    case CUBLASLT_MATMUL_DESC_TRANSA: desc->transpose_a = *static_cast<const cublasOperation_t*>(value); break;
    case CUBLASLT_MATMUL_DESC_TRANSB: desc->transpose_b = *static_cast<const cublasOperation_t*>(value); break;
    case CUBLASLT_MATMUL_DESC_EPILOGUE: desc->epilogue = *static_cast<const cublasLtEpilogue_t*>(value); break;
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: desc->bias = *static_cast<const void* const*>(value); break;
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type, std::uint64_t rows,
                                          std::uint64_t cols, std::int64_t leading_dimension) {
  *layout = new EmulatedMatrixLayout{type, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(cols),
                                     leading_dimension};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t name,
                                                const void* value, std::size_t bytes) {
  const bool is_count = name == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT;
  if (bytes != (is_count ? sizeof layout->count : sizeof layout->apart))
    return refuse(CUBLAS_STATUS_INVALID_VALUE, "an attribute of another size");
  if (is_count)
    layout->count = *static_cast<const std::int32_t*>(value);
  else
    layout->apart = *static_cast<const std::int64_t*>(value);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  *preference = new EmulatedMatmulPreference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t name, const void* value,
                                                    std::size_t bytes) {
  const bool is_workspace = name == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
  if (bytes != (is_workspace ? sizeof(std::size_t) : sizeof(std::uint32_t)))
    return refuse(CUBLAS_STATUS_INVALID_VALUE, "a preference of another size");
  if (name == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) return CUBLAS_STATUS_SUCCESS;  // nothing is split here
  if (is_workspace)
    preference->most_workspace = *static_cast<const std::size_t*>(value);
  else
    preference->alignment[name - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES] =
        *static_cast<const std::uint32_t*>(value);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t preference,
                                              int wanted, cublasLtMatmulHeuristicResult_t* results, int* found) {
  *found = 0;
  const Sizes s = sizes_of(*desc, *a, *b, *d);
  if (!s.fit) return refuse(CUBLAS_STATUS_INVALID_VALUE, "matrices that do not fit together");
  if (emulated::cublas_settings().has_no_algorithm) return CUBLAS_STATUS_SUCCESS;  // of which it found none
  if (!has_kernels(*a, *b, *d) || preference->most_workspace < kWorkspace || wanted < 1)
    return refuse(CUBLAS_STATUS_NOT_SUPPORTED, "no algorithm for this product");
  Chosen chosen = {
      {}, static_cast<std::uint64_t>(s.m), static_cast<std::uint64_t>(s.n), static_cast<std::uint64_t>(s.k), 0};
  std::copy(std::begin(preference->alignment), std::end(preference->alignment), std::begin(chosen.alignment));
  for (; *found < std::min(wanted, kAlgorithms); ++*found) {
    cublasLtMatmulHeuristicResult_t& result = results[*found];
    chosen.number = static_cast<std::uint64_t>(*found);
    std::memcpy(&result.algo, &chosen, sizeof chosen);
    result.workspaceSize = kWorkspace;
    result.state = CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algo, void* workspace,
                              std::size_t workspace_bytes, cudaStream_t stream) {
  const Sizes s = sizes_of(*desc, *a_layout, *b_layout, *d_layout);
  if (!s.fit) return refuse(CUBLAS_STATUS_INVALID_VALUE, "matrices that do not fit together");
  Chosen chosen;
  std::memcpy(&chosen, algo, sizeof chosen);
  if (chosen.m != static_cast<std::uint64_t>(s.m) || chosen.n != static_cast<std::uint64_t>(s.n) ||
      chosen.k != static_cast<std::uint64_t>(s.k))
    return refuse(CUBLAS_STATUS_INVALID_VALUE, "an algorithm that was chosen for other matrices");
  if (chosen.number == kAlgorithms - 1) return CUBLAS_STATUS_NOT_SUPPORTED;
  const void* const addresses[] = {a, b, c, d};
  for (int i = 0; i < 4; ++i)
    if (reinterpret_cast<std::uintptr_t>(addresses[i]) % chosen.alignment[i] != 0)
      return refuse(CUBLAS_STATUS_INVALID_VALUE, "a matrix less aligned than the heuristic was told");
  if (!is_whole(a, *a_layout) || !is_whole(b, *b_layout) || !is_whole(d, *d_layout))
    return refuse(CUBLAS_STATUS_INVALID_VALUE, "a matrix that is not in device memory as a whole");
  if (workspace_bytes < kWorkspace || !simt::device_holds(workspace, workspace_bytes) ||
      reinterpret_cast<std::uintptr_t>(workspace) % 256 != 0)
    return refuse(CUBLAS_STATUS_INVALID_VALUE, "no workspace on the device, aligned to 256 bytes");
  const float c_factor = *static_cast<const float*>(beta);
  if (*static_cast<const float*>(alpha) != 1.0f || (c_factor != 0.0f && c_factor != 1.0f))
    return refuse(CUBLAS_STATUS_NOT_SUPPORTED, "only alpha = 1 and beta = 0 or 1 stand in here");
  if (c_factor != 0.0f && !is_whole(c, *d_layout))
    return refuse(CUBLAS_STATUS_INVALID_VALUE, "a matrix to be added that is not in device memory as a whole");
  const bool has_bias = desc->epilogue == CUBLASLT_EPILOGUE_BIAS || desc->epilogue == CUBLASLT_EPILOGUE_RELU_BIAS;
  const bool relu = desc->epilogue == CUBLASLT_EPILOGUE_RELU || desc->epilogue == CUBLASLT_EPILOGUE_RELU_BIAS;
  if (has_bias &&
      !simt::device_holds(desc->bias, static_cast<std::size_t>(s.m) * kelvin::bytes_of(dtype(d_layout->type))))
    return refuse(CUBLAS_STATUS_INVALID_VALUE, "an epilogue without its bias");
  if (has_bias &&
      reinterpret_cast<std::uintptr_t>(desc->bias) % 16 != 0)  // no preference describes it; kernels read it in packs
    return refuse(CUBLAS_STATUS_INVALID_VALUE, "a bias that is not aligned to 16 bytes");
  // Everything a call names is copied: descriptors may change before the stream gets here.
  const bool keeps_nan = !emulated::cublas_settings().relu_drops_nan;
  const auto work = [=, op = *desc, la = *a_layout, lb = *b_layout, ld = *d_layout] {
    std::memset(workspace, 0xff, kWorkspace);
    const bool tf32 = op.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
    const emulated::Elements out = {d, dtype(ld.type)}, bias = {const_cast<void*>(op.bias), dtype(ld.type)},
                             added = {const_cast<void*>(c), dtype(ld.type)};
    for (std::int64_t which = 0; which < ld.count; ++which) {
      const std::vector<float> left = factor(a, la, which * la.apart, op.transpose_a == CUBLAS_OP_N, tf32);
      const std::vector<float> right = factor(b, lb, which * lb.apart, op.transpose_b == CUBLAS_OP_T, tf32);
      for (std::int64_t j = 0; j < s.n; ++j)
        for (std::int64_t i = 0; i < s.m; ++i) {
          const std::int64_t at = which * ld.apart + j * ld.leading_dimension + i;
          float sum = emulated::dot(left.data() + i * s.k, right.data() + j * s.k, s.k);
          if (has_bias) sum += bias.get(i);
          if (c_factor != 0.0f) sum += added.get(at);
          if (relu) sum = sum > 0 || (keeps_nan && std::isnan(sum)) ? sum : 0.0f;
          out.set(at, sum);
        }
    }
  };
  return simt::enqueue(stream, work) == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
}
