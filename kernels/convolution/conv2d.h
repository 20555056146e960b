// 2-D convolution (cross-correlation, as in every framework) without dilation or groups, symmetric zero padding.
//
//   x [N, H, W, C], w [K, R, S, C], y [N, OH, OW, K] with OH = (H + 2 pad − R) / stride + 1
//
// T is the storage type of activations: float or bfloat16. Sums are float32; weights are rounded to T for the product. W is the type of the
// filter and the bias: float, or T where the caller has rounded them once for many calls.
// CUDA: cuDNN, matrix products or, for 3x3 convolutions of float32, Winograd's F(4x4, 3x3), whose errors are twice as large (convolve.h). cuDNN
// rounds the filter gradient of a bfloat16 convolution to bfloat16 before it is widened; matrix products do not.
// CPU: oneDNN. bfloat16 needs AVX512_BF16 (`require_bfloat16`). Wide 3x3 convolutions of bfloat16 use kernels/convolution/winograd, which rounds the
// factors after a transform: errors are about twice as large. Primitives are cached by shape. Outputs are overwritten and must not overlap inputs.
// A NaN in an image, filter, bias or residual makes every output NaN that it contributes to, also through the ReLU, as in PyTorch.
// Deterministic for a given thread count. The summation order of oneDNN's filter gradient, and so its last bits, depends on the number of
// threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

struct ConvOptions {
  std::int64_t stride = 1;
  std::int64_t pad = 0;
};

// What a forward pass adds before it stores: y = relu?(conv(x, w) + bias + residual). The GPU rounds the bias to T.
template <class T, class W = float>
struct ConvEpilogue {
  View<const W> bias;      // [K]; empty: none
  View<const T> residual;  // [N, OH, OW, K]; empty: none
  bool relu = false;
};

[[nodiscard]] Shape conv2d_output_shape(const Shape& x, const Shape& w, const ConvOptions& options);

template <class T, class W>
void conv2d_forward(Cpu, View<T> y, View<const T> x, View<const W> w, const ConvEpilogue<T, W>& epilogue,
                    const ConvOptions& options);
template <class T, class W>
void conv2d_forward(const Cuda&, View<T> y, View<const T> x, View<const W> w, const ConvEpilogue<T, W>& epilogue,
                    const ConvOptions& options);

// dx = the gradient with respect to x; with `adds` it is added to what dx holds. The CPU rounds once more before it adds.
template <class T, class W>
void conv2d_backward_data(Cpu, View<T> dx, View<const T> dy, View<const W> w, const ConvOptions& options,
                          bool adds = false);
template <class T, class W>
void conv2d_backward_data(const Cuda&, View<T> dx, View<const T> dy, View<const W> w, const ConvOptions& options,
                          bool adds = false);

// dw = the gradient with respect to w, float32
template <class T>
void conv2d_backward_filter(Cpu, View<float> dw, View<const T> x, View<const T> dy, const ConvOptions& options);
template <class T>
void conv2d_backward_filter(const Cuda&, View<float> dw, View<const T> x, View<const T> dy, const ConvOptions& options);

// Names of the implementations chosen for the three directions of a shape, in the order above. A name that begins with
// "ref" is thousands of times slower than the others; benchmark and tests refuse it.
struct ConvImplementations {
  std::string forward, backward_data, backward_filter;
};
template <class T>
[[nodiscard]] ConvImplementations conv2d_implementations(Cpu, const Shape& x, const Shape& w,
                                                         const ConvOptions& options);

// Descriptions of the convolutions this thread has run so far with a reference implementation: none, on CPUs oneDNN knows.
[[nodiscard]] std::vector<std::string> conv2d_reference_plans(Cpu);

// The convolutions this thread has run so far on the CPU, each shape once: what a model needs of a device.
struct ConvShape {
  Shape x, w;
  ConvOptions options;
};
[[nodiscard]] std::vector<ConvShape> conv2d_shapes_run(Cpu);

// Whether the CPU multiplies bfloat16 in hardware; require_bfloat16 throws a mistake that says so where it does not.
[[nodiscard]] bool has_bfloat16(Cpu);
void require_bfloat16(Cpu);
inline void require_bfloat16(const Cuda&) {}  // every GPU that kernels are compiled for has it

}  // namespace kelvin
