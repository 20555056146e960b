// Kernel launches on the device's stream, with their check: every hand-written CUDA kernel is launched by these functions. Included by .cu files only.
//
//   launch(cuda, kernel, {.grid = blocks, .block = 256}, arguments...);         any kernel
//   launch_as(cuda, [&] { return str(...); }, kernel, {...}, arguments...);     the same with a name for profiles
//   launch_elements(cuda, n, can_use_packs(y, x), Relu<T>{y.data, x.data});   elementwise: see below
//
// An elementwise kernel is a struct with `template <int N> __device__ void run(std::int64_t i) const` that computes the N elements
// from i on: N = 8 where every pointer allows 16-byte accesses, N = 1 for the rest. With `static constexpr int kPack = pack_of<T>` N is the number of
// T in 16 bytes: for float32 a warp then reads and writes 512 bytes in a row instead of every other 16 of 1024. With
// `static constexpr bool kFromTheEnd = true` the kernel begins with the last packs: a good order after a library has just written the array, because
// the second-level cache still holds its end (simt/column_reduce.h does the same).
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "kernels/device/cuda.h"
#include "kernels/device/cuda_profile.h"

namespace kelvin {

struct LaunchShape {
  unsigned grid = 1, block = 256;
  unsigned grid_y = 1;
  unsigned shared = 0;  // bytes of dynamic shared memory (dynamic_shared.h)
};

inline int attribute_of_device(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  KELVIN_CHECK_CUDA(cudaGetDevice(&device));
  KELVIN_CHECK_CUDA(cudaDeviceGetAttribute(&value, attribute, device));
  return value;
}

// The most shared memory of a block, static and dynamic together: 227 KiB on an H100, 163 on an A100.
inline std::int64_t most_shared_memory() {
  static const int bytes = attribute_of_device(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  return bytes;
}

// The number of multiprocessors: 132 on an H100, 108 on an A100. With one block on each, as many blocks run at once.
inline std::int64_t multiprocessors() {
  static const int count = attribute_of_device(cudaDevAttrMultiProcessorCount);
  return count;
}

// `name`: what CudaRange takes.
template <class Name, class... Parameters, class... Arguments>
void launch_as(const Cuda& cuda, const Name& name, void (*kernel)(Parameters...), const LaunchShape& shape,
               Arguments&&... arguments) {
  if (shape.grid == 0 || shape.grid_y == 0) return;  // nothing to do for an empty view
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(shape.grid, shape.grid_y, 1);
  config.blockDim = dim3(shape.block, 1, 1);
  config.stream = cuda.stream();
  config.dynamicSmemBytes = shape.shared;
  if (shape.shared > 48 * 1024)  // as much as a kernel gets unasked
    KELVIN_CHECK_CUDA(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                           cudaFuncAttributeMaxDynamicSharedMemorySize,
                                           static_cast<int>(shape.shared)));
  const CudaRange range(cuda, name);
  KELVIN_CHECK_CUDA(cudaLaunchKernelEx(&config, kernel, arguments...));
}

template <class... Parameters, class... Arguments>
void launch(const Cuda& cuda, void (*kernel)(Parameters...), const LaunchShape& shape, Arguments&&... arguments) {
  launch_as(cuda, reinterpret_cast<const void*>(kernel), kernel, shape, std::forward<Arguments>(arguments)...);
}

inline constexpr int kElementsPerThread = 8;  // 16 bytes of bfloat16, 32 of float32
template <class T>
inline constexpr int pack_of = static_cast<int>(16 / sizeof(T));

template <class Op>
constexpr int pack_width() {
  if constexpr (requires { Op::kPack; })
    return Op::kPack;
  else
    return kElementsPerThread;
}

template <class Op>
constexpr bool begins_at_the_end() {
  if constexpr (requires { Op::kFromTheEnd; })
    return Op::kFromTheEnd;
  else
    return false;
}

// Grid-stride loop over packs. The last elements, which fill no pack, go one by one, and so do all elements where pointers are not aligned.
template <class Op>
__global__ void __launch_bounds__(256) elements_kernel(std::int64_t n, std::int64_t packs, Op op) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t p = first; p < packs; p += stride)
    op.template run<pack_width<Op>()>((begins_at_the_end<Op>() ? packs - 1 - p : p) * pack_width<Op>());
  for (std::int64_t i = packs * pack_width<Op>() + first; i < n; i += stride) op.template run<1>(i);
}

template <class Op>
void launch_elements(const Cuda& cuda, std::int64_t n, bool in_packs, const Op& op) {
  const std::int64_t packs = in_packs ? n / pack_width<Op>() : 0;
  const std::int64_t work = std::max(packs, n - packs * pack_width<Op>());
  constexpr std::int64_t kBlock = 256, kMostBlocks = 132 * 16;  // a few waves on the largest GPU of today
  const auto grid = static_cast<unsigned>(std::min((work + kBlock - 1) / kBlock, kMostBlocks));
  launch(cuda, elements_kernel<Op>, {.grid = grid, .block = kBlock}, n, packs, op);
}

// Whether all pointers are multiples of 16 bytes, so that packs of eight elements may be read and written at once.
template <class... Views>
bool can_use_packs(const Views&... views) {
  return ((reinterpret_cast<std::uintptr_t>(views.data) % 16 == 0) && ...);
}

// The number of pieces of `size` that cover n.
inline unsigned pieces(std::int64_t n, std::int64_t size) { return static_cast<unsigned>((n + size - 1) / size); }

}  // namespace kelvin
