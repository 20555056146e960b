// The GPU's mathematics functions on the emulated device, with errors as large as NVIDIA documents. So a test whose tolerance only the host's
// library meets fails here first, not on hardware.
//
// The bounds are those of the CUDA C++ Programming Guide, "Mathematical Functions": units in the last place (ulp) between a function's
// result and the correctly rounded one. The sign of an error depends on the argument and on the seed in `simt::config()`, so that one
// program always gives the same result, as on a GPU. Results that need no rounding (e⁰ = 1) stay right. Addition, multiplication, division and
// square root are exact on a GPU too; the build reproduces nvcc's contraction of a·b + c (CMakeLists.txt).
#pragma once

#include <cmath>

namespace simt {

// `exact` as float, off by at most `most` ulp.
[[nodiscard]] float rounded_by_gpu(double exact, float argument, int most);

}  // namespace simt

// In the kernels' namespace, so that they are found before the host's functions of the same names.
namespace kelvin {
inline float expf(float x) { return simt::rounded_by_gpu(std::exp(static_cast<double>(x)), x, 2); }
inline float expm1f(float x) { return simt::rounded_by_gpu(std::expm1(static_cast<double>(x)), x, 1); }
inline float logf(float x) { return simt::rounded_by_gpu(std::log(static_cast<double>(x)), x, 1); }
inline float erff(float x) { return simt::rounded_by_gpu(std::erf(static_cast<double>(x)), x, 2); }
}  // namespace kelvin
