#include "kernels/libraries/cublas/library.h"

#include "kernels/device/cuda.h"
#include "kernels/libraries/nvidia_libraries.h"

namespace kelvin {

namespace cublas {

const Library& library() {
  static const Library instance = [] {
    const DynamicLibrary& blas = nvidia_libraries().cublas_lt;
    Library l{};
    blas.resolve(l.create, "cublasLtCreate");
    blas.resolve(l.get_status_string, "cublasLtGetStatusString");
    blas.resolve(l.desc_create, "cublasLtMatmulDescCreate");
    blas.resolve(l.desc_destroy, "cublasLtMatmulDescDestroy");
    blas.resolve(l.desc_set_attribute, "cublasLtMatmulDescSetAttribute");
    blas.resolve(l.layout_create, "cublasLtMatrixLayoutCreate");
    blas.resolve(l.layout_destroy, "cublasLtMatrixLayoutDestroy");
    blas.resolve(l.layout_set_attribute, "cublasLtMatrixLayoutSetAttribute");
    blas.resolve(l.preference_create, "cublasLtMatmulPreferenceCreate");
    blas.resolve(l.preference_destroy, "cublasLtMatmulPreferenceDestroy");
    blas.resolve(l.preference_set_attribute, "cublasLtMatmulPreferenceSetAttribute");
    blas.resolve(l.get_heuristic, "cublasLtMatmulAlgoGetHeuristic");
    blas.resolve(l.matmul, "cublasLtMatmul");
    return l;
  }();
  return instance;
}

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw_out_of_memory_in(str("cuBLASLt, ", what));
  if (status != CUBLAS_STATUS_SUCCESS)
    throw internal_error("cuBLASLt, ", what, ": ", library().get_status_string(status));
}

}  // namespace cublas

cublasLtContext* Cuda::cublas() const {
  if (is_side()) return main_->cublas();
  if (cublas_ == nullptr)
    cublas::check(cublas::with_spare_memory([&] { return cublas::library().create(&cublas_); }), "opening the library");
  return cublas_;
}

}  // namespace kelvin
