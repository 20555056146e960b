// Softmax cross-entropy at the speed of a copy: loss and gradient in one launch, in a form for each length of a row. On an H100 it takes these
// shares of copy bandwidth, where one warp a row (variant 4 of softmax_cross_entropy.cu) takes those in brackets:
//   65536 x 1000  97.8 % (48.1)    1 Mi x 100  97.1 % (31.6; four lanes a row 83.8)    8 Mi x 10  90.7 % (8.3)    2048 x 50000  86.0 % (18.4)
// No training step and no attack has rows enough for it to show.
//
// Logits are read from memory once, then wait where their row has room: up to 31 classes, if no multiple of 4, with one thread
// (`tile_kernel`); up to 16384 in the registers of the 4 lanes to 16 warps that share the row (held_cross_entropy.h); above, in a block's shared
// memory, with maximum and sum kept up together as they come (Milakov & Gimelshein 2018, 1805.02867; `streamed_kernel`). Only rows that no
// shared memory holds (57,856 classes on an H100) are read twice, backwards then, to begin with what the cache still has.
// Bytes: forward 4 a logit, backward 8, fused 8 for both (12 at most where a row is read twice). So that these are what takes the time, a
// thread's loads are all on their way before the first is waited for, and what can be made once is: the reciprocal of τ (`Divisor`), the
// shares of the label. expf and logf are the accurate ones, denormals included: where the gradient becomes 0 is what is studied here.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/simt/dynamic_shared.h"
#include "tools/kernel_lab/held_cross_entropy.h"

namespace kelvin::cross_entropy {

// Rows of few classes, a thread each: no lane idles, nothing is reduced. A block's rows lie one after another in memory, so they come and go
// through shared memory in 16-byte accesses, whatever the number of classes. A multiple of 4 would be no good: the threads of a warp would
// meet in 8 banks or fewer (else 16 or 32), and such rows have 16-byte accesses of their own.
constexpr int kTileRows = 128, kTileClasses = 31;

// kAlways: rows have exactly kMost classes, else at most.
template <int kMost, bool kAlways>
__global__ void __launch_bounds__(kTileRows) tile_kernel(const Rows r) {
  constexpr int kPerThread = (kMost + 3) / 4 * 4;
  alignas(16) __shared__ float tile[kTileRows * kMost];
  const BlockGroup<kTileRows> block;
  const int classes = kAlways ? kMost : static_cast<int>(r.classes);
  const std::int64_t first = block.row() * kTileRows, row = first + block.rank();
  const int rows = static_cast<int>(r.rows - first < kTileRows ? r.rows - first : kTileRows);
  const TileCopy<BlockGroup<kTileRows>, kPerThread> copy(rows * classes, block.rank());
  const bool has_row = block.rank() < rows;
  const float tau = r.tau[0];
  const std::int32_t label = has_row ? r.label(row) : -1;
  const float dloss = has_row ? r.row_dloss(row) : 0.0f;
  copy.in(tile, r.logits + first * classes);
  __syncthreads();  // read after write: the rows are there
  if (has_row) {
    float* const own_row = tile + block.rank() * classes;
    float scaled[kMost], maximum = -INFINITY, sum = 0, all_classes = 0;  // z/τ, then log p
    const auto for_each_class = [&](const auto& f) {
#pragma unroll  // constant indices keep `scaled` in registers
      for (int j = 0; j < kMost; ++j)
        if (j < classes) f(j, scaled[j]);
    };
#pragma unroll
    for (int j = 0; j < kMost; ++j) scaled[j] = j < classes ? own_row[j] : 1.0f;
    const Divisor by_tau(tau);
    by_tau.divide<kMost>(scaled);
    for_each_class([&](int, float& s) { maximum = fmaxf(maximum, s); });
    const float shift = shift_of(maximum);
    for_each_class([&](int, float& s) { sum += expf(s - shift); });
    const KnownRow known(r, dloss, tau, maximum, sum);
    for_each_class([&](int, float& s) { s = known.log_p(s); });
    if (r.needs_all_classes()) for_each_class([&](int, float log_p) { all_classes -= log_p; });
    if (r.loss != nullptr) r.write_loss(row, known.log_p(by_tau(own_row[label])), all_classes);
    for_each_class([&](int j, float log_p) { own_row[j] = known.output(log_p, j == label); });
  }
  float* const to = r.outputs();
  if (to == nullptr) return;
  __syncthreads();  // read after write: every row is done
  copy.out(to + first * classes, tile);
}

// Longer rows, one at a time on a multiprocessor, whose one block takes every gridDim.x-th of them. Nothing would hide a wait there, so a
// thread's next loads are on their way while it computes, those of the next row through the reductions and stores of this one.
// kHeld: z/τ waits in shared memory for the second pass. A thread reads only what it has written itself, so rows need no barrier between them.
using LongRowGroup = BlockGroup<1024>;

template <int Width, bool kHeld>
__global__ void __launch_bounds__(LongRowGroup::kThreads) streamed_kernel(const Rows r) {
  constexpr int kAtOnce = 16 / Width;  // packs of a turn
  constexpr int kStride = LongRowGroup::kThreads * Width, kTurn = kAtOnce * kStride;
  const LongRowGroup group;
  const int classes = static_cast<int>(r.classes), first = group.rank() * Width;
  float* const held = kHeld ? dynamic_shared<float>() : nullptr;
  const float tau = r.tau[0];
  const Divisor by_tau(tau);

  const auto for_each_pack_of_turn = [&](int packs, int begin, const auto& f) {
#pragma unroll
    for (int n = 0; n < packs; ++n)
      if (const int col = begin + n * kStride; col < classes) f(n * Width, col);
  };
  // The packs of a turn, all on their way before one is waited for; 1 beyond the row.
  const auto read_turn = [&](auto& values, const float* from, int begin) {
    constexpr int kSize = sizeof(values) / sizeof(float);
#pragma unroll
    for (float& v : values) v = 1.0f;
    for_each_pack_of_turn(kSize / Width, begin, [&](int i, int col) {
      const Pack<Width> pack = load<Width>(from + col);
#pragma unroll
      for (int k = 0; k < Width; ++k) values[i + k] = pack[k];
    });
  };

  float coming[kAtOnce * Width];  // the logits of the next turn
  read_turn(coming, r.logits + group.row() * r.classes, first);
  // An int suffices for rows this long; with more bits nvcc 13.0 cuts the 16-byte stores of the gradient into four.
  const int rows = static_cast<int>(r.rows), step = static_cast<int>(gridDim.x);
  for (int row = static_cast<int>(blockIdx.x); row < rows; row += step) {
    const float* const z = r.logits + std::int64_t{row} * classes;
    float maximum = -INFINITY, sum = 0;  // of what this thread has seen; the sum: of exp(z/τ − maximum)
    for (int begin = first; begin < classes; begin += kTurn) {
      by_tau.divide<kAtOnce * Width>(coming);
      float scaled[kAtOnce * Width];  // z/τ
#pragma unroll
      for (int i = 0; i < kAtOnce * Width; ++i) scaled[i] = coming[i];
      const bool is_last = begin + kTurn >= classes;
      if (!is_last || row + step < rows)
        read_turn(coming, is_last ? z + std::int64_t{step} * classes : z, is_last ? first : begin + kTurn);

      const float before = maximum;
      for_each_pack_of_turn(kAtOnce, begin, [&](int i, int col) {
        Pack<Width> pack;
#pragma unroll
        for (int k = 0; k < Width; ++k) {
          pack[k] = scaled[i + k];
          maximum = fmaxf(maximum, pack[k]);
        }
        if (kHeld) store<Width>(held + col, pack);
      });
      const float shift = shift_of(maximum);
      sum *= expf(before - shift);
      for_each_pack_of_turn(kAtOnce, begin, [&](int i, int) {
#pragma unroll
        for (int k = 0; k < Width; ++k) sum += expf(scaled[i + k] - shift);
      });
    }
    const std::int32_t label = r.label(row);  // on its way during the reductions
    const float dloss = r.row_dloss(row);
    const float row_maximum = group.max(maximum);
    const KnownRow known(r, dloss, tau, row_maximum, group.sum(sum * expf(maximum - shift_of(row_maximum))));

    const auto for_each_pack_backwards = [&](const auto& f) {
      constexpr int kPacks = kAtOnce / 2, kSpan = kPacks * kStride;
      for (int begin = (classes - 1 - first) / kSpan * kSpan + first; begin >= 0; begin -= kSpan) {
        float scaled[kPacks * Width];
        read_turn(scaled, kHeld ? held : z, begin);
        if (!kHeld) by_tau.divide<kPacks * Width>(scaled);
        for_each_pack_of_turn(kPacks, begin, [&](int i, int col) { f(scaled + i, col); });
      }
    };
    float all_classes = 0;
    if (r.needs_all_classes()) {
      for_each_pack_backwards([&](const float* scaled, int) {
#pragma unroll
        for (int k = 0; k < Width; ++k) all_classes -= known.log_p(scaled[k]);
      });
      all_classes = group.sum(all_classes);
    }
    // By the thread that has held the label's: the others may have gone on to the next row.
    if (r.loss != nullptr && label / Width % LongRowGroup::kThreads == group.rank())
      r.write_loss(row, known.log_p(kHeld ? held[label] : by_tau(z[label])), all_classes);
    if (r.outputs() == nullptr) continue;
    float* const to = r.outputs() + std::int64_t{row} * classes;
    for_each_pack_backwards([&](const float* scaled, int col) {
      Pack<Width> out;
#pragma unroll
      for (int k = 0; k < Width; ++k) out[k] = known.output(known.log_p(scaled[k]), k == label - col);
      store<Width>(to + col, out);
    });
  }
}

template <int Width>
void run_long_rows(const Cuda& cuda, const Rows& r) {
  constexpr std::int64_t kOfReductions = 1024;  // more than their static shared memory
  const std::int64_t bytes = r.classes * static_cast<std::int64_t>(sizeof(float));
  const auto blocks = static_cast<unsigned>(std::min(r.rows, multiprocessors()));
  if (bytes + kOfReductions <= most_shared_memory())
    launch(cuda, streamed_kernel<Width, true>,
           {.grid = blocks, .block = LongRowGroup::kThreads, .shared = static_cast<unsigned>(bytes)}, r);
  else
    launch(cuda, streamed_kernel<Width, false>, {.grid = blocks, .block = LongRowGroup::kThreads}, r);
}

// As few lanes as hold the row in a few dozen registers each: more rows a warp, fewer shuffles, fewer idle at its end.
template <int Width>
void run(const Cuda& cuda, const Rows& r, bool in_warp_tiles) {
  const auto held = [&]<class Group, int kPerThread>(Group, std::integral_constant<int, kPerThread>) {
    launch_rows<Group>(cuda, held_kernel<Group, Width, kPerThread>, r.rows, r);
  };
  const auto lanes = [&]<class Group, int kPerThread>(Group group, std::integral_constant<int, kPerThread> per_thread) {
    if (!in_warp_tiles) return held(group, per_thread);
    launch_rows<Group>(cuda, warp_tile_kernel<Group, Width, kPerThread>, r.rows, r);
  };
  if (r.classes <= 32)
    lanes(LaneGroup<4>{}, std::integral_constant<int, 8>{});
  else if (r.classes <= 64)
    lanes(LaneGroup<4>{}, std::integral_constant<int, 16>{});
  else if (r.classes <= 112)
    lanes(LaneGroup<4>{}, std::integral_constant<int, 28>{});
  else if (r.classes <= 224)
    lanes(LaneGroup<8>{}, std::integral_constant<int, 28>{});
  else if (r.classes <= 512)
    held(WarpGroup{}, std::integral_constant<int, 16>{});
  else if (r.classes <= 1024)
    held(WarpGroup{}, std::integral_constant<int, 32>{});
  else if (r.classes <= 4096)
    held(BlockGroup<512>{}, std::integral_constant<int, 8>{});
  else if (r.classes <= 16384)
    held(BlockGroup<512>{}, std::integral_constant<int, 32>{});
  else
    run_long_rows<Width>(cuda, r);
}

// 16-byte accesses where every row begins at a multiple of 16 bytes, or passes through shared memory.
inline void run_rows(const Cuda& cuda, Rows r) {
  r.other_share = r.smoothing / static_cast<float>(r.classes);
  r.own_share = 1.0f - r.smoothing + r.other_share;
  const auto is_at_16 = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; };
  const bool is_aligned = is_at_16(r.logits) && is_at_16(r.outputs());
  const LaunchShape tiles = {.grid = pieces(r.rows, kTileRows), .block = kTileRows};
  const bool in_warp_tiles = is_aligned && r.classes % 8 != 0;  // rows are no whole number of 32-byte sectors
  if (is_aligned && r.classes % 4 == 0)
    run<4>(cuda, r, in_warp_tiles);
  else if (is_aligned && r.classes == 10)
    launch(cuda, tile_kernel<10, true>, tiles, r);
  else if (is_aligned && r.classes <= kTileClasses)
    launch(cuda, tile_kernel<kTileClasses, false>, tiles, r);
  else
    run<1>(cuda, r, in_warp_tiles);
}

}  // namespace kelvin::cross_entropy
