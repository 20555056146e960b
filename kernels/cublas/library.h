// The functions of cuBLASLt that we call, loaded when first needed, and the check that every call goes through.
#pragma once

#include <cublasLt.h>

namespace kelvin::cublas {

struct Library {
  decltype(cublasLtCreate)* create;
  decltype(cublasLtGetStatusString)* get_status_string;
  decltype(cublasLtMatmulDescCreate)* desc_create;
  decltype(cublasLtMatmulDescDestroy)* desc_destroy;
  decltype(cublasLtMatmulDescSetAttribute)* desc_set_attribute;
  decltype(cublasLtMatrixLayoutCreate)* layout_create;
  decltype(cublasLtMatrixLayoutDestroy)* layout_destroy;
  decltype(cublasLtMatrixLayoutSetAttribute)* layout_set_attribute;
  decltype(cublasLtMatmulPreferenceCreate)* preference_create;
  decltype(cublasLtMatmulPreferenceDestroy)* preference_destroy;
  decltype(cublasLtMatmulPreferenceSetAttribute)* preference_set_attribute;
  decltype(cublasLtMatmulAlgoGetHeuristic)* get_heuristic;
  decltype(cublasLtMatmul)* matmul;
};
[[nodiscard]] const Library& library();

// Throws with the status by name; `what` says what was being done.
void check(cublasStatus_t status, const char* what);

}  // namespace kelvin::cublas
