// The functions of cuBLASLt that we call, loaded when first needed, and the check that every call goes through.
#pragma once

#include <cublasLt.h>

#include "kernels/device/pool.h"
#include "kernels/libraries/nvidia_libraries.h"

namespace kelvin::cublas {

struct Library {
  const DynamicLibrary& from = nvidia_libraries().cublas_lt;
  decltype(cublasLtCreate)* create = from["cublasLtCreate"];
  decltype(cublasLtGetStatusString)* get_status_string = from["cublasLtGetStatusString"];
  decltype(cublasLtMatmulDescCreate)* desc_create = from["cublasLtMatmulDescCreate"];
  decltype(cublasLtMatmulDescDestroy)* desc_destroy = from["cublasLtMatmulDescDestroy"];
  decltype(cublasLtMatmulDescSetAttribute)* desc_set_attribute = from["cublasLtMatmulDescSetAttribute"];
  decltype(cublasLtMatrixLayoutCreate)* layout_create = from["cublasLtMatrixLayoutCreate"];
  decltype(cublasLtMatrixLayoutDestroy)* layout_destroy = from["cublasLtMatrixLayoutDestroy"];
  decltype(cublasLtMatrixLayoutSetAttribute)* layout_set_attribute = from["cublasLtMatrixLayoutSetAttribute"];
  decltype(cublasLtMatmulPreferenceCreate)* preference_create = from["cublasLtMatmulPreferenceCreate"];
  decltype(cublasLtMatmulPreferenceDestroy)* preference_destroy = from["cublasLtMatmulPreferenceDestroy"];
  decltype(cublasLtMatmulPreferenceSetAttribute)* preference_set_attribute =
      from["cublasLtMatmulPreferenceSetAttribute"];
  decltype(cublasLtMatmulAlgoGetHeuristic)* get_heuristic = from["cublasLtMatmulAlgoGetHeuristic"];
  decltype(cublasLtMatmul)* matmul = from["cublasLtMatmul"];
};
[[nodiscard]] const Library& library();

// Throws with the status by name, with ExitCode::out_of_memory where it says that; `what` says what was being done.
void check(cublasStatus_t status, const char* what);

// The status of a call that may need memory of its own: where there is none, what lies free in our pools is given back and it is tried once more.
// A kernel that cannot be loaded for lack of memory fails as one that cannot run.
template <class Call>
[[nodiscard]] cublasStatus_t with_spare_memory(const Call& call) {
  const cublasStatus_t status = call();
  const bool may_lack_memory = status == CUBLAS_STATUS_ALLOC_FAILED || status == CUBLAS_STATUS_EXECUTION_FAILED;
  return may_lack_memory && release_spare_memory() ? call() : status;
}

}  // namespace kelvin::cublas
