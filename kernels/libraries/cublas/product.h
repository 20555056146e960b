// A matrix product by cuBLASLt. Its matrices are column-major: a row-major [M, N] matrix is its [N, M]. So it computes yᵀ = op(b)ᵀ op(a)ᵀ on the
// same memory, and its bias over rows is our bias over columns.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/device/dtype.h"
#include "kernels/libraries/cublas/library.h"

namespace kelvin::cublas {

// Everything that decides how a product is computed. y = relu?(op(a) · op(b) + residual + bias), op(a) [M, K], op(b) [K, N], y [M, N].
struct Product {
  DType in, out;
  std::int64_t m, n, k;
  bool transpose_a, transpose_b, has_residual, has_bias, relu, tf32;
  std::uint32_t a_alignment, b_alignment, y_alignment, residual_alignment;  // bytes
  std::int64_t count = 1, a_pitch = 0, b_pitch = 0, y_pitch = 0;  // of a batch; a pitch of 0: as many as columns
  auto operator<=>(const Product&) const = default;
};

// "matmul bfloat16 [64, 32] x [32, 10] to float32, + bias, relu"
[[nodiscard]] std::string describe(const Product& product);

struct Algorithm {  // a struct of ours, because nvcc 13.0 fails on containers of cuBLASLt's type
  cublasLtMatmulAlgo_t opaque{};
  std::size_t workspace = 0;  // bytes it needs
};

// Made once for each product, and never destroyed, like the library itself.
struct Description {
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, y = nullptr;
};
[[nodiscard]] Description description_of(const Product& product);

// Device addresses. The residual may be y; residual and bias are null where the product has none.
struct Operands {
  void* y;
  const void *a, *b;
  const void* residual = nullptr;
  const void* bias = nullptr;
};

// The algorithms that the heuristic suggests, best first, with at most `most_workspace` bytes of workspace each. Empty: none.
[[nodiscard]] std::vector<Algorithm> algorithms_for(cublasLtHandle_t handle, const Product& product,
                                                    const Description& description, const Operands& operands,
                                                    std::size_t most_workspace);

void execute(cublasLtHandle_t handle, cudaStream_t stream, const Description& description, const Algorithm& algorithm,
             const Operands& operands, void* workspace, std::size_t workspace_bytes);

}  // namespace kelvin::cublas
