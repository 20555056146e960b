// Elementwise over a [rows, channels] matrix with factors that belong to the channels, as normalisation has them. Included by .cu files only.
//
//   struct Op {
//     static constexpr int kPack = pack_of<T>;                                          // elements a thread reads at once
//     template <int N> __device__ auto factors(std::int64_t channel) const;             // of the N channels from `channel` on
//     template <int N> __device__ auto read(std::int64_t i) const;                      // the N elements from i on; writes nothing
//     template <int N> __device__ void write(std::int64_t i, const Elements& elements, const Factors& factors) const;
//   };
//   launch_channels(cuda, rows, channels, in_packs, op);
//
// The grid steps by a whole number of rows, so each thread has the same channels in every step: it reads their factors once, into registers. An
// elementwise kernel (simt/launch.h) would find the channel by a division and read the factors for every pack, which is more reads than the
// elements themselves. `read` and `write` are separate because a thread reads two packs before it writes the first. The compiler may not reorder
// them on its own: the output could be the next input.
#pragma once

#include <numeric>

#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {

inline constexpr int kChannelThreads = 256, kChannelBlocks = 4;  // on a multiprocessor: 64 registers a thread

// `packs_a_row` divides the number of threads in the grid.
template <int N, class Op>
__global__ void __launch_bounds__(kChannelThreads, kChannelBlocks)
    channels_kernel(std::int64_t packs, unsigned packs_a_row, Op op) {
  const unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
  if (thread >= packs) return;
  const auto factors = op.template factors<N>(thread % packs_a_row * N);
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  std::int64_t p = thread;
  for (; p + stride < packs; p += 2 * stride) {
    const std::int64_t i = p * N, next = (p + stride) * N;
    const auto elements = op.template read<N>(i), next_elements = op.template read<N>(next);
    op.template write<N>(i, elements, factors);
    op.template write<N>(next, next_elements, factors);
  }
  if (p < packs) op.template write<N>(p * N, op.template read<N>(p * N), factors);
}

// `in_packs`: every pointer of the op allows 16-byte accesses. Elements go one by one where it is false or packs do not fill a row.
template <class Op>
void launch_channels(const Cuda& cuda, std::int64_t rows, std::int64_t channels, bool in_packs, const Op& op) {
  const bool has_packs = in_packs && channels % Op::kPack == 0;
  const std::int64_t packs_a_row = has_packs ? channels / Op::kPack : channels, packs = rows * packs_a_row;
  if (packs == 0) return;
  // About as many blocks as run at once: then each thread reads its factors once for as many packs as possible.
  const std::int64_t wanted =
      std::min<std::int64_t>(pieces(packs, kChannelThreads), kChannelBlocks * multiprocessors());
  // The fewest blocks whose threads make whole rows, and as many times that as are wanted.
  const std::int64_t step = packs_a_row / std::gcd(packs_a_row, std::int64_t{kChannelThreads});
  const unsigned grid = pieces(wanted, step) * static_cast<unsigned>(step);
  launch(cuda, has_packs ? channels_kernel<Op::kPack, Op> : channels_kernel<1, Op>,
         {.grid = grid, .block = kChannelThreads}, packs, static_cast<unsigned>(packs_a_row), op);
}

}  // namespace kelvin
