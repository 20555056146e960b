// The functions of cuBLASLt that we call, loaded when first needed, and the check of every call's status.
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

// Throws an error that names the status and the action `what`; out of memory has its own exit code.
void check(cublasStatus_t status, const char* what);

// The status of a call that allocates memory of its own. If none is left, our pools give back their free blocks and the call is repeated once.
// A kernel that cannot be loaded for lack of memory has the status of one that cannot run.
template <class Call>
[[nodiscard]] cublasStatus_t with_spare_memory(const Call& call) {
  const cublasStatus_t status = call();
  const bool may_lack_memory = status == CUBLAS_STATUS_ALLOC_FAILED || status == CUBLAS_STATUS_EXECUTION_FAILED;
  return may_lack_memory && release_spare_memory() ? call() : status;
}

}  // namespace kelvin::cublas
