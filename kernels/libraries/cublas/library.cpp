#include "kernels/libraries/cublas/library.h"

#include "kernels/device/cuda.h"

namespace kelvin {

namespace cublas {

const Library& library() {
  static const Library instance{};
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
