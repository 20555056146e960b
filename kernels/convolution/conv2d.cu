// The changes of type and channels around the convolution itself (convolve.h). Filters are float32 KRSC; a bfloat16 convolution rounds them first,
// because cuDNN has no single operation that does both. Images of one or three channels are padded to a multiple of 16 bytes a pixel: otherwise
// cuDNN pads them itself, in up to a gigabyte of workspace.
#include <optional>

#include "kernels/arrays/elementwise.h"
#include "kernels/convolution/conv2d.h"
#include "kernels/convolution/convolve.h"
#include "kernels/convolution/cudnn_convolution.h"
#include "kernels/device/cuda.h"
#include "kernels/device/pool_block.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

template <class T>
ConvProblem problem_of(ConvDirection direction, const Shape& x, const Shape& w, const ConvOptions& o) {
  const std::int64_t c = cudnn::padded_channels(dtype_of<T>, x[3]);
  return {direction,
          dtype_of<T>,
          {x[0], x[1], x[2], c},
          {w[0], w[1], w[2], c},
          o.stride,
          o.pad,
          dtype_of<T> == DType::f32 && cuda_settings().allow_tf32};
}

// to [rows, to_channels] = from [rows, from_channels], cut or filled with zeros, in another element type
template <class To, class From>
struct Rechannel {
  To* to;
  const From* from;
  std::int64_t to_channels, from_channels;
  template <int N>
  __device__ void run(std::int64_t i) const {
    if constexpr (N > 1) {  // as many channels: a change of type alone
      store<N>(to + i, load<N>(from + i));
      return;
    }
    const std::int64_t row = i / to_channels, c = i % to_channels;
    from_float(to[i], c < from_channels ? to_float(from[row * from_channels + c]) : 0.0f);
  }
};

// `from` with `channels` as its last dimension and element type To: itself where nothing changes, else a copy in scratch memory.
template <class To, class From>
const To* rechanneled(const Cuda& cuda, std::optional<CudaBlock>& scratch, View<const From> from,
                      std::int64_t channels) {
  if constexpr (std::is_same_v<To, From>)
    if (channels == from.cols()) return from.data;
  const std::int64_t n = from.rows() * channels;
  scratch.emplace(cuda, static_cast<std::size_t>(n) * sizeof(To));
  launch_elements(cuda, n, channels == from.cols() && can_use_packs(from),
                  Rechannel<To, From>{scratch->as<To>(), from.data, channels, from.cols()});
  return scratch->as<To>();
}

// Where a convolution writes its result: `to` itself or, with more channels, scratch memory to be cut to size afterwards.
template <class T>
class Result {
 public:
  Result(const Cuda& cuda, View<T> to, std::int64_t channels) : cuda_(cuda), to_(to), channels_(channels) {
    if (channels == to.cols()) return;
    scratch_.emplace(cuda, static_cast<std::size_t>(to.rows() * channels) * sizeof(T));
  }
  [[nodiscard]] const void* data() const { return scratch_ ? scratch_->template as<void>() : to_.data; }
  void finish() const {
    if (scratch_)
      launch_elements(cuda_, to_.size(), false,
                      Rechannel<T, T>{to_.data, scratch_->template as<const T>(), to_.cols(), channels_});
  }

 private:
  const Cuda& cuda_;
  View<T> to_;
  std::int64_t channels_;
  std::optional<CudaBlock> scratch_;
};

}  // namespace

template <class T, class W>
void conv2d_forward(const Cuda& cuda, View<T> y, View<const T> x, View<const W> w, const ConvEpilogue<T, W>& e,
                    const ConvOptions& options) {
  ConvProblem problem = problem_of<T>(ConvDirection::forward, x.shape, w.shape, options);
  problem.has_residual = !e.residual.empty();
  problem.has_bias = !e.bias.empty();
  problem.relu = e.relu;
  std::optional<CudaBlock> images, filter, bias;
  ConvTensors tensors = {.x = rechanneled<T>(cuda, images, x, problem.x[3]),
                         .w = rechanneled<T>(cuda, filter, w, problem.w[3]),
                         .y = y.data,
                         .residual = problem.has_residual ? e.residual.data : nullptr};
  if (problem.has_bias) tensors.bias = rechanneled<T>(cuda, bias, e.bias, e.bias.cols());
  convolve(cuda, problem, tensors);
}

template <class T, class W>
void conv2d_backward_data(const Cuda& cuda, View<T> dx, View<const T> dy, View<const W> w, const ConvOptions& options,
                          bool adds) {
  if (adds && cudnn::padded_channels(dtype_of<T>, dx.cols()) != dx.cols()) {  // what cuDNN writes is cut to size first
    const CudaBlock part(cuda, static_cast<std::size_t>(dx.size()) * sizeof(T));
    conv2d_backward_data<T, W>(cuda, {part.as<T>(), dx.shape}, dy, w, options);
    return accumulate<T, T>(cuda, dx, {part.as<const T>(), dx.shape});
  }
  ConvProblem problem = problem_of<T>(ConvDirection::backward_data, dx.shape, w.shape, options);
  problem.adds = adds;
  std::optional<CudaBlock> filter;
  const T* const with = rechanneled<T>(cuda, filter, w, problem.w[3]);
  const Result<T> result(cuda, dx, problem.x[3]);
  convolve(cuda, problem, {.x = result.data(), .w = with, .y = dy.data});
  result.finish();
}

template <class T>
void conv2d_backward_filter(const Cuda& cuda, View<float> dw, View<const T> x, View<const T> dy,
                            const ConvOptions& options) {
  const ConvProblem problem = problem_of<T>(ConvDirection::backward_filter, x.shape, dw.shape, options);
  std::optional<CudaBlock> images;
  const T* const from = rechanneled<T>(cuda, images, x, problem.x[3]);
  const Result<float> result(cuda, dw, problem.w[3]);
  convolve(cuda, problem, {.x = from, .w = result.data(), .y = dy.data});
  result.finish();
}

#define KELVIN_INSTANTIATE(T, W)                                                                              \
  template void conv2d_forward(const Cuda&, View<T>, View<const T>, View<const W>, const ConvEpilogue<T, W>&, \
                               const ConvOptions&);                                                           \
  template void conv2d_backward_data(const Cuda&, View<T>, View<const T>, View<const W>, const ConvOptions&, bool)
KELVIN_INSTANTIATE(float, float);
KELVIN_INSTANTIATE(bfloat16, float);
KELVIN_INSTANTIATE(bfloat16, bfloat16);
#undef KELVIN_INSTANTIATE
template void conv2d_backward_filter(const Cuda&, View<float>, View<const float>, View<const float>,
                                     const ConvOptions&);
template void conv2d_backward_filter(const Cuda&, View<float>, View<const bfloat16>, View<const bfloat16>,
                                     const ConvOptions&);

}  // namespace kelvin
