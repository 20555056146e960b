#include <optional>

#include "kernels/arrays/relative_error.h"
#include "kernels/convolution/conv_trials.h"
#include "kernels/device/cuda.h"
#include "kernels/device/pool_block.h"

namespace kelvin {
namespace {

Shape images_of(const ConvProblem& p) { return {p.x[0], p.x[1], p.x[2], p.x[3]}; }
Shape outputs_of(const ConvProblem& p) { return {p.x[0], p.output_side(0), p.output_side(1), p.w[0]}; }

std::size_t tensor_bytes(const ConvProblem& p, const Shape& s) {
  return static_cast<std::size_t>(s.size()) * bytes_of(p.dtype);
}

}  // namespace

bool hands_nan_on(const Cuda& cuda, const ConvProblem& p, ConvTensors tensors, const ConvRun& run) {
  const Shape outputs = outputs_of(p);
  const std::size_t nan_bytes = p.has_bias ? tensor_bytes(p, {p.w[0]}) : tensor_bytes(p, images_of(p));
  const CudaBlock y(cuda, tensor_bytes(p, outputs)), nan(cuda, nan_bytes);
  KELVIN_CHECK_CUDA(cudaMemsetAsync(nan.as<void>(), 0xff, nan_bytes, cuda.stream()));
  tensors.y = y.as<void>();
  (p.has_bias ? tensors.bias : tensors.x) = nan.as<void>();
  run(tensors);
  return p.dtype == DType::bf16 ? is_all_nan<bfloat16>(cuda, {y.as<const bfloat16>(), outputs})
                                : is_all_nan<float>(cuda, {y.as<const float>(), outputs});
}

}  // namespace kelvin
