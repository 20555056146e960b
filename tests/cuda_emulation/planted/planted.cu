// A copy of the block reduction of kernels/simt/groups.h, opened up so that faults can be planted in it.
#include <cuda_runtime.h>

#include <cstdint>

#include "tests/cuda_emulation/planted/planted.h"

namespace kelvin::testing {
namespace {

constexpr int kThreads = 128, kWarps = kThreads / 32;

__device__ float warp_max(float v) {
  for (int flip = 16; flip > 0; flip /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, flip));
  return v;
}

__device__ float warp_sum(float v) {
  for (int flip = 16; flip > 0; flip /= 2) v += __shfl_xor_sync(0xffffffffu, v, flip);
  return v;
}

template <Fault kFault>
__global__ void row_statistics(float* out, const float* logits, std::int64_t cols) {
  __shared__ float warp_results[kWarps];
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32;
  const float* const z = logits + blockIdx.x * cols;

  if constexpr (kFault == Fault::block_order)
    if (thread == 0 && blockIdx.x + 1 < gridDim.x) out[2 * blockIdx.x + 2] = out[2 * blockIdx.x + 3] = 0;
  if (thread < kWarps) warp_results[thread] = -INFINITY;
  if constexpr (kFault != Fault::missing_write_after_write) __syncthreads();

  float maximum = -INFINITY;
  for (std::int64_t j = thread; j < cols; j += kThreads) maximum = fmaxf(maximum, z[j]);
  maximum = warp_max(maximum);
  if (thread % 32 == 0) warp_results[warp] = maximum;
  if constexpr (kFault != Fault::missing_read_after_write) __syncthreads();
  maximum = warp_results[0];
  for (int w = 1; w < kWarps; ++w) maximum = fmaxf(maximum, warp_results[w]);
  if constexpr (kFault != Fault::missing_write_after_read) __syncthreads();

  float sum = 0;
  for (std::int64_t j = thread; j < cols; j += kThreads) sum += expf(z[j] - maximum);
  sum = warp_sum(sum);
  if (thread % 32 == 0) warp_results[kFault == Fault::shared_out_of_bounds ? warp + 1 : warp] = sum;
  if constexpr (kFault == Fault::divergent_barrier) {
    if (thread < kThreads / 2) __syncthreads();
  } else if constexpr (kFault == Fault::different_barriers) {
    if (thread < kThreads / 2)
      __syncthreads();
    else
      __syncthreads();
  } else {
    __syncthreads();
  }
  if constexpr (kFault == Fault::divergent_shuffle)
    if (thread % 32 < 16) sum += __shfl_xor_sync(0xffffffffu, sum, 1);
  if constexpr (kFault == Fault::foreign_lane) sum = __shfl_sync(0x0000ffffu, sum, 0);
  if (thread != 0) return;
  sum = 0;
  constexpr int kCounted = kFault == Fault::wrong_reduction ? kWarps - 1 : kWarps;
  for (int w = 0; w < kCounted; ++w) sum += warp_results[w];
  out[2 * blockIdx.x] = maximum;
  out[2 * blockIdx.x + (kFault == Fault::global_out_of_bounds ? 2 : 1)] = sum;
}

using Kernel = void (*)(float*, const float*, std::int64_t);

Kernel kernel_with(Fault fault) {
  switch (fault) {
    case Fault::none: return row_statistics<Fault::none>;
    case Fault::missing_read_after_write: return row_statistics<Fault::missing_read_after_write>;
    case Fault::missing_write_after_read: return row_statistics<Fault::missing_write_after_read>;
    case Fault::missing_write_after_write: return row_statistics<Fault::missing_write_after_write>;
    case Fault::block_order: return row_statistics<Fault::block_order>;
    case Fault::wrong_reduction: return row_statistics<Fault::wrong_reduction>;
    case Fault::shared_out_of_bounds: return row_statistics<Fault::shared_out_of_bounds>;
    case Fault::global_out_of_bounds: return row_statistics<Fault::global_out_of_bounds>;
    case Fault::divergent_barrier: return row_statistics<Fault::divergent_barrier>;
    case Fault::different_barriers: return row_statistics<Fault::different_barriers>;
    case Fault::divergent_shuffle: return row_statistics<Fault::divergent_shuffle>;
    case Fault::foreign_lane: return row_statistics<Fault::foreign_lane>;
  }
  return nullptr;
}

}  // namespace

std::vector<float> run_planted(Fault fault, const std::vector<float>& logits, int rows) {
  std::vector<float> out(static_cast<std::size_t>(2 * rows));
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(rows));
  config.blockDim = dim3(kThreads);
  cudaLaunchKernelEx(&config, kernel_with(fault), out.data(), logits.data(),
                     static_cast<std::int64_t>(logits.size()) / rows);
  return out;
}

}  // namespace kelvin::testing
