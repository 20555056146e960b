#include <optional>

#include "kernels/arrays/relative_error.h"
#include "kernels/arrays/trial_numbers.h"
#include "kernels/convolution/conv_trials.h"
#include "kernels/device/cuda.h"
#include "kernels/device/pool_block.h"
#include "kernels/layers/relu.h"

namespace kelvin {
namespace {

Shape images_of(const ConvProblem& p) { return {p.x[0], p.x[1], p.x[2], p.x[3]}; }
Shape outputs_of(const ConvProblem& p) { return {p.x[0], p.output_side(0), p.output_side(1), p.w[0]}; }

std::size_t room_for(const ConvProblem& p, const Shape& s) {
  return static_cast<std::size_t>(s.size()) * bytes_of(p.dtype);
}

template <class T>
double error_of_masked(const Cuda& cuda, const ConvProblem& p, const void* filter, const ConvRun& run,
                       const ConvRun& plainly) {
  const Shape images = images_of(p), outputs = outputs_of(p);
  const CudaBlock dy(cuda, room_for(p, outputs)), mask(cuda, room_for(p, images));
  const CudaBlock got(cuda, room_for(p, images)), expected(cuda, room_for(p, images));
  const auto draw = [&](const CudaBlock& to, const Shape& shape, std::uint64_t which) {
    draw_normal<T>(cuda, {to.as<T>(), shape}, {which, random_stream("masked gradient trial")});
  };
  draw(dy, outputs, 0);
  draw(mask, images, 1);
  relu_forward<T>(cuda, {mask.as<T>(), images}, {mask.as<const T>(), images});
  for (const CudaBlock* const sum : {&got, &expected}) draw(*sum, images, 2);
  run({.x = got.as<void>(), .w = filter, .y = dy.as<void>(), .mask = mask.as<void>()});
  plainly({.x = expected.as<void>(), .w = filter, .y = dy.as<void>(), .mask = mask.as<void>()});
  const Shape matrix{images.size() / p.x[3], p.x[3]};
  return distance<T>(cuda, {got.as<const T>(), matrix}, {expected.as<const T>(), matrix}, 0, p.x[3]).relative();
}

}  // namespace

double masked_gradient_error(const Cuda& cuda, const ConvProblem& p, const void* filter, const ConvRun& run,
                             const ConvRun& plainly) {
  return p.dtype == DType::bf16 ? error_of_masked<bfloat16>(cuda, p, filter, run, plainly)
                                : error_of_masked<float>(cuda, p, filter, run, plainly);
}

bool hands_nan_on(const Cuda& cuda, const ConvProblem& p, ConvTensors tensors, const ConvRun& run) {
  const Shape outputs = outputs_of(p);
  const std::size_t of_nan = p.has_bias ? room_for(p, {p.w[0]}) : room_for(p, images_of(p));
  const CudaBlock y(cuda, room_for(p, outputs)), nan(cuda, of_nan);
  KELVIN_CHECK_CUDA(cudaMemsetAsync(nan.as<void>(), 0xff, of_nan, cuda.stream()));
  tensors.y = y.as<void>();
  (p.has_bias ? tensors.bias : tensors.x) = nan.as<void>();
  run(tensors);
  return p.dtype == DType::bf16 ? is_all_nan<bfloat16>(cuda, {y.as<const bfloat16>(), outputs})
                                : is_all_nan<float>(cuda, {y.as<const float>(), outputs});
}

}  // namespace kelvin
