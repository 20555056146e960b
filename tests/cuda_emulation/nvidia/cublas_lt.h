// Settings of the stand-in for cuBLASLt (cublas_lt.cpp) for tests.
#pragma once

namespace emulated {

struct CublasSettings {
  bool has_no_algorithm = false;  // for any product
  bool relu_drops_nan = false;    // makes 0 of it
};
CublasSettings& cublas_settings();

}  // namespace emulated
