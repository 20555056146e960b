// Logits are read from memory once, then wait where their row has room: up to 31 classes, if no multiple of 4, with one thread
// (`tile_kernel`); up to 16384 in the registers of the 4 lanes to 16 warps that share the row (`held_kernel`); above, in a block's shared
// memory, with maximum and sum kept up together as they come (Milakov & Gimelshein 2018, 1805.02867; `streamed_kernel`). Only rows that no
// shared memory holds (57,856 classes on an H100) are read twice, backwards then, to begin with what the cache still has.
// Bytes: forward 4 a logit, backward 8, fused 8 for both (12 at most where a row is read twice). So that these are what takes the time, a
// thread's loads are all on their way before the first is waited for, and what can be made once is: the reciprocal of τ (`Divisor`), the
// shares of the label. expf and logf are the accurate ones, denormals included: where the gradient becomes 0 is what is studied here.
#include <algorithm>
#include <cmath>

#include "kernels/device/divisor.h"
#include "kernels/device/dynamic_shared.h"
#include "kernels/device/held_row.h"
#include "kernels/softmax_cross_entropy.h"

namespace kelvin {
namespace {

// What is wanted of the rows; null: not wanted.
struct Rows {
  const float* logits = nullptr;         // [rows, classes]
  const std::int32_t* labels = nullptr;  // [rows]; null for probabilities alone
  const float* tau = nullptr;            // [1]
  float *loss = nullptr, *dlogits = nullptr, *probabilities = nullptr;
  const float* dloss = nullptr;  // [rows], or null: `dloss_of_all` for every row
  float dloss_of_all = 0;
  float smoothing = 0;  // S
  std::int64_t rows = 0, classes = 0;

  // q_j, the share of class j in the smoothed label: of the label's own class and of every other one.
  float own_share = 1, other_share = 0;

  [[nodiscard]] __device__ std::int32_t label(std::int64_t row) const { return labels != nullptr ? labels[row] : -1; }
  [[nodiscard]] __device__ float row_dloss(std::int64_t row) const {
    return dloss != nullptr ? dloss[row] : dloss_of_all;
  }
  [[nodiscard]] __device__ float* outputs() const { return dlogits != nullptr ? dlogits : probabilities; }
  [[nodiscard]] __device__ bool needs_all_classes() const { return loss != nullptr && smoothing != 0.0f; }
  // all_classes: −Σ_j log p_j, where needed.
  __device__ void write_loss(std::int64_t row, float log_p_of_label, float all_classes) const {
    const float own = -log_p_of_label;
    loss[row] = smoothing == 0.0f ? own : (1.0f - smoothing) * own + other_share * all_classes;
  }
};

// A row whose maximum and sum are known: what becomes of each z/τ.
struct KnownRow {
  float maximum, log_sum;
  float factor = 1, own_share = 0, other_share = 0;  // of a probability

  __device__ KnownRow(const Rows& r, float dloss, float tau, float row_maximum, float sum)
      : maximum(row_maximum), log_sum(logf(sum)) {
    if (r.dlogits == nullptr) return;
    factor = dloss / tau;
    own_share = r.own_share;
    other_share = r.other_share;
  }
  [[nodiscard]] __device__ float log_p(float scaled) const { return scaled - maximum - log_sum; }
  // ∂L/∂z_j, or p_j
  [[nodiscard]] __device__ float output(float log_p_j, bool is_own) const {
    return factor * (expf(log_p_j) - (is_own ? own_share : other_share));
  }
};

// What is subtracted from z/τ before expf: the maximum, or 0 where all that was seen is masked, because −∞ − (−∞) would be NaN.
__device__ float shift_of(float maximum) { return maximum == -INFINITY ? 0.0f : maximum; }

// Rows of at most Group::kThreads · kPerThread classes.
template <class Group, int Width, int kPerThread>
__global__ void __launch_bounds__(Group::kThreads* Group::kRowsPerBlock) held_kernel(const Rows r) {
  const Group group;
  const bool has_row = group.row() < r.rows;
  const std::int64_t row = has_row ? group.row() : r.rows - 1;  // every lane takes part in the reductions
  const int classes = static_cast<int>(r.classes);
  const float tau = r.tau[0];
  const std::int32_t label = r.label(row);
  const float dloss = r.row_dloss(row);
  const float *const z = r.logits + row * r.classes, *const mine = z + group.rank() * Width;
  const auto for_each_pack = [&](const auto& f) { for_packs<Group, Width, kPerThread>(classes, group.rank(), f); };

  float scaled[kPerThread];  // z/τ; −∞ beyond the row
#pragma unroll
  for (float& s : scaled) s = -INFINITY;
  for_each_pack([&](int i, int) {
    const Pack<Width> pack = load<Width>(mine + i * Group::kThreads);
#pragma unroll
    for (int k = 0; k < Width; ++k) scaled[i + k] = pack[k];
  });
  const Divisor by_tau(tau);
  for_each_pack([&](int i, int) { by_tau.divide<Width>(scaled + i); });

  float maximum = -INFINITY, sum = 0;
#pragma unroll
  for (const float s : scaled) maximum = fmaxf(maximum, s);
  maximum = group.max(maximum);
  const float own = r.loss != nullptr ? z[label] : 0.0f;  // here: the label has come, and the sum is still to be made
  const float shift = shift_of(maximum);
#pragma unroll
  for (const float s : scaled) sum += expf(s - shift);
  const KnownRow known(r, dloss, tau, maximum, group.sum(sum));

#pragma unroll
  for (int i = 0; i < kPerThread; ++i) scaled[i] = known.log_p(scaled[i]);

  float all_classes = 0;
  if (r.needs_all_classes()) {
    for_each_pack([&](int i, int) {
#pragma unroll
      for (int k = 0; k < Width; ++k) all_classes -= scaled[i + k];
    });
    all_classes = group.sum(all_classes);
  }
  if (!has_row) return;
  if (r.loss != nullptr && group.rank() == 0) r.write_loss(row, known.log_p(by_tau(own)), all_classes);
  if (r.outputs() == nullptr) return;
  float* const to = r.outputs() + row * r.classes + group.rank() * Width;
  for_each_pack([&](int i, int col) {
    Pack<Width> out;
#pragma unroll
    for (int k = 0; k < Width; ++k) out[k] = known.output(scaled[i + k], col + k == label);
    store<Width>(to + i * Group::kThreads, out);
  });
}

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
  const int rows = static_cast<int>(r.rows - first < kTileRows ? r.rows - first : kTileRows), size = rows * classes;
  const int in_packs = size / 4 * 4, last = in_packs + block.rank();  // the end of the last tile may fill no pack
  const bool has_row = block.rank() < rows;
  const float tau = r.tau[0];
  const std::int32_t label = has_row ? r.label(row) : -1;
  const float dloss = has_row ? r.row_dloss(row) : 0.0f;
  const auto for_each_pack = [&](const auto& f) {
    for_packs<BlockGroup<kTileRows>, 4, kPerThread>(in_packs, block.rank(), f);
  };

  const float* const z = r.logits + first * classes;
  Pack<4> packs[kPerThread / 4];
  for_each_pack([&](int i, int at) { packs[i / 4] = load<4>(z + at); });
  for_each_pack([&](int i, int at) { store<4>(tile + at, packs[i / 4]); });
  if (last < size) tile[last] = z[last];
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
  for_each_pack([&](int, int at) { store<4>(to + first * classes + at, load<4>(tile + at)); });
  if (last < size) to[first * classes + last] = tile[last];
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
void run(const Cuda& cuda, const Rows& r) {
  const auto held = [&]<class Group, int kPerThread>(Group, std::integral_constant<int, kPerThread>) {
    launch_rows<Group>(cuda, held_kernel<Group, Width, kPerThread>, r.rows, r);
  };
  if (r.classes <= 32)
    held(LaneGroup<4>{}, std::integral_constant<int, 8>{});
  else if (r.classes <= 64)
    held(LaneGroup<4>{}, std::integral_constant<int, 16>{});
  else if (r.classes <= 112)
    held(LaneGroup<4>{}, std::integral_constant<int, 28>{});
  else if (r.classes <= 224)
    held(LaneGroup<8>{}, std::integral_constant<int, 28>{});
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
template <class... Outputs>
void run_rows(const Cuda& cuda, Rows r, const View<const float>& logits, const Outputs&... outputs) {
  r.other_share = r.smoothing / static_cast<float>(r.classes);
  r.own_share = 1.0f - r.smoothing + r.other_share;
  const bool is_aligned = can_use_packs(logits, outputs...);
  const LaunchShape tiles = {.grid = pieces(r.rows, kTileRows), .block = kTileRows};
  if (is_aligned && r.classes % 4 == 0)
    run<4>(cuda, r);
  else if (is_aligned && r.classes == 10)
    launch(cuda, tile_kernel<10, true>, tiles, r);
  else if (is_aligned && r.classes <= kTileClasses)
    launch(cuda, tile_kernel<kTileClasses, false>, tiles, r);
  else
    run<1>(cuda, r);
}

}  // namespace

template <>
void softmax_cross_entropy_forward(const Cuda& cuda, View<float> loss, View<const float> logits,
                                   View<const std::int32_t> labels, View<const float> tau, float smoothing) {
  run_rows(cuda,
           {.logits = logits.data,
            .labels = labels.data,
            .tau = tau.data,
            .loss = loss.data,
            .smoothing = smoothing,
            .rows = logits.rows(),
            .classes = logits.cols()},
           logits);
}

template <>
void softmax_cross_entropy_backward(const Cuda& cuda, View<float> dlogits, View<const float> dloss,
                                    View<const float> logits, View<const std::int32_t> labels, View<const float> tau,
                                    float smoothing) {
  run_rows(cuda,
           {.logits = logits.data,
            .labels = labels.data,
            .tau = tau.data,
            .dlogits = dlogits.data,
            .dloss = dloss.data,
            .smoothing = smoothing,
            .rows = logits.rows(),
            .classes = logits.cols()},
           logits, dlogits);
}

void softmax_cross_entropy_fused(const Cuda& cuda, View<float> loss, View<float> dlogits, View<const float> logits,
                                 View<const std::int32_t> labels, View<const float> tau, float dloss) {
  run_rows(cuda,
           {.logits = logits.data,
            .labels = labels.data,
            .tau = tau.data,
            .loss = loss.data,
            .dlogits = dlogits.data,
            .dloss_of_all = dloss,
            .rows = logits.rows(),
            .classes = logits.cols()},
           logits, dlogits);
}

template <>
void softmax(const Cuda& cuda, View<float> probabilities, View<const float> logits, View<const float> tau) {
  run_rows(cuda,
           {.logits = logits.data,
            .tau = tau.data,
            .probabilities = probabilities.data,
            .rows = logits.rows(),
            .classes = logits.cols()},
           logits, probabilities);
}

}  // namespace kelvin
