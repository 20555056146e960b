// The emulated device in the place of a GPU: opening it, and what it does when a kernel's host code calls NVIDIA's libraries.
#include <cstdlib>

#include "kernels/conv2d.h"
#include "kernels/device/cuda.h"
#include "kernels/device/cuda_device.h"
#include "kernels/device/pool.h"
#include "kernels/fused_attention.h"
#include "kernels/matmul.h"
#include "tests/cuda_emulation/simt.h"
#include "tests/ops/device_under_test.h"

namespace kelvin {

const Cuda* open_cuda(std::string& reason) {
  static const Cuda device(nullptr);
  static const bool is_open = [] {
    pool_use_exact_blocks(device);
    if (const char* const seed = std::getenv("KELVIN_EMULATION_SEED"))
      simt::config().seed = std::strtoull(seed, nullptr, 10);
    return true;
  }();
  reason.clear();
  return is_open ? &device : nullptr;
}

namespace testing {

const Cuda* device_under_test(std::string& reason) { return open_cuda(reason); }

}  // namespace testing

template <class T>
void conv2d_forward(const Cuda&, View<T>, View<const T>, View<const float>, const ConvEpilogue<T>&,
                    const ConvOptions&) {
  throw testing::NotEmulated("cuDNN is not emulated");
}
template <class T>
void conv2d_backward_data(const Cuda&, View<T>, View<const T>, View<const float>, const ConvOptions&) {
  throw testing::NotEmulated("cuDNN is not emulated");
}
template <class T>
void conv2d_backward_filter(const Cuda&, View<float>, View<const T>, View<const T>, const ConvOptions&) {
  throw testing::NotEmulated("cuDNN is not emulated");
}
template <class Out, class T>
void matmul(const Cuda&, View<Out>, View<const T>, View<const T>, View<const float>, const MatmulOptions&) {
  throw testing::NotEmulated("cuBLAS is not emulated");
}

// cuDNN has no plan here: attention goes through the plain kernels.
bool fused_attention_forward(const Cuda&, View<bfloat16>, View<float>, View<const bfloat16>) { return false; }
bool fused_attention_backward(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const bfloat16>,
                              View<const float>, View<const bfloat16>) {
  return false;
}

template void conv2d_forward(const Cuda&, View<float>, View<const float>, View<const float>, const ConvEpilogue<float>&,
                             const ConvOptions&);
template void conv2d_forward(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const float>,
                             const ConvEpilogue<bfloat16>&, const ConvOptions&);
template void conv2d_backward_data(const Cuda&, View<float>, View<const float>, View<const float>, const ConvOptions&);
template void conv2d_backward_data(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const float>,
                                   const ConvOptions&);
template void conv2d_backward_filter(const Cuda&, View<float>, View<const float>, View<const float>,
                                     const ConvOptions&);
template void conv2d_backward_filter(const Cuda&, View<float>, View<const bfloat16>, View<const bfloat16>,
                                     const ConvOptions&);
template void matmul(const Cuda&, View<float>, View<const float>, View<const float>, View<const float>,
                     const MatmulOptions&);
template void matmul(const Cuda&, View<float>, View<const bfloat16>, View<const bfloat16>, View<const float>,
                     const MatmulOptions&);
template void matmul(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const bfloat16>, View<const float>,
                     const MatmulOptions&);

}  // namespace kelvin
