// Rows of softmax cross-entropy that wait in the registers of the threads that share them: what is computed of a row, and the two kernels, which
// differ in how a row comes there and goes. For tuned_cross_entropy.h and softmax_cross_entropy.cu, which compares them.
#pragma once

#include <cmath>

#include "kernels/simt/held_row.h"
#include "tools/kernel_lab/divisor.h"

namespace kelvin::cross_entropy {

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
  [[nodiscard]] __host__ __device__ float* outputs() const { return dlogits != nullptr ? dlogits : probabilities; }
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
__device__ inline float shift_of(float maximum) { return maximum == -INFINITY ? 0.0f : maximum; }

// A row of at most Group::kThreads · kPerThread classes: z are its logits, `to()` where its outputs go (asked when they are wanted: no register until
// then), both in global or both in shared memory, where they may be the same. Every lane takes part, whether it has a row to write or not.
template <class Group, int Width, int kPerThread, class To>
__device__ __forceinline__ void treat_held_row(const Rows& r, const Group& group, std::int64_t row, bool has_row,
                                               const float* z, const To& to) {
  const int classes = static_cast<int>(r.classes);
  const float tau = r.tau[0];
  const std::int32_t label = r.label(row);
  const float dloss = r.row_dloss(row);
  const float* const mine = z + group.rank() * Width;
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
  if constexpr (Group::kThreads < kWarpSize) __syncwarp();  // write after read: every lane has read the label's logit
  if (!has_row) return;
  if (r.loss != nullptr && group.rank() == 0) r.write_loss(row, known.log_p(by_tau(own)), all_classes);
  if (r.outputs() == nullptr) return;
  float* const outputs = to() + group.rank() * Width;
  for_each_pack([&](int i, int col) {
    Pack<Width> out;
#pragma unroll
    for (int k = 0; k < Width; ++k) out[k] = known.output(scaled[i + k], col + k == label);
    store<Width>(outputs + i * Group::kThreads, out);
  });
}

// From memory and back as they lie.
template <class Group, int Width, int kPerThread>
__global__ void __launch_bounds__(Group::kThreads* Group::kRowsPerBlock) held_kernel(const Rows r) {
  const Group group;
  const bool has_row = group.row() < r.rows;
  const std::int64_t row = has_row ? group.row() : r.rows - 1;
  treat_held_row<Group, Width, kPerThread>(r, group, row, has_row, r.logits + row * r.classes,
                                           [&] { return r.outputs() + row * r.classes; });
}

// A tile of whole rows on its way between memory, from a multiple of 16 bytes on, and shared memory: `size` elements, kPerThread a thread of the group
// at most, in 16-byte accesses. The last few may fill none.
template <class Group, int kPerThread>
class TileCopy {
 public:
  __device__ TileCopy(int size, int rank) : size_(size), in_packs_(size / 4 * 4), rank_(rank) {}
  __device__ void in(float* tile, const float* from) const {
    Pack<4> packs[kPerThread / 4];
    for_each_pack([&](int i, int at) { packs[i / 4] = load<4>(from + at); });
    for_each_pack([&](int i, int at) { store<4>(tile + at, packs[i / 4]); });
    if (last() < size_) tile[last()] = from[last()];
  }
  __device__ void out(float* to, const float* tile) const {
    for_each_pack([&](int, int at) { store<4>(to + at, load<4>(tile + at)); });
    if (last() < size_) to[last()] = tile[last()];
  }

 private:
  template <class F>
  __device__ void for_each_pack(const F& f) const {
    for_packs<Group, 4, kPerThread>(in_packs_, rank_, f);
  }
  [[nodiscard]] __device__ int last() const { return in_packs_ + rank_; }
  int size_, in_packs_, rank_;
};

// A warp's rows lie one after another in memory and begin at a multiple of 16 bytes whatever the number of classes, so they come and go
// together through shared memory in accesses of 512 bytes. Taken one by one they begin in the middle of a 32-byte sector, and four lanes read 64
// bytes of three sectors at a time.
template <class Group, int Width, int kPerThread>
__global__ void __launch_bounds__(Group::kThreads* Group::kRowsPerBlock) warp_tile_kernel(const Rows r) {
  constexpr int kRowsOfWarp = kWarpSize / Group::kThreads, kWarps = Group::kRowsPerBlock / kRowsOfWarp;
  alignas(16) __shared__ float tiles[kWarps][kWarpSize * kPerThread];
  const Group group;
  const int classes = static_cast<int>(r.classes),
            place_in_warp = static_cast<int>(threadIdx.x) % kWarpSize / Group::kThreads;
  const std::int64_t first = group.row() - place_in_warp;
  if (first >= r.rows) return;  // the whole warp
  float* const tile = tiles[threadIdx.x / kWarpSize];
  const int rows = static_cast<int>(r.rows - first < kRowsOfWarp ? r.rows - first : kRowsOfWarp);
  const TileCopy<WarpGroup, kPerThread> copy(rows * classes, WarpGroup().rank());
  copy.in(tile, r.logits + first * classes);
  __syncwarp();  // read after write: the rows are there
  const bool has_row = place_in_warp < rows;
  float* const own_row = tile + (has_row ? place_in_warp : 0) * classes;
  treat_held_row<Group, Width, kPerThread>(r, group, has_row ? first + place_in_warp : first, has_row, own_row,
                                           [&] { return own_row; });
  float* const to = r.outputs();
  if (to == nullptr) return;
  __syncwarp();  // read after write: every row is done
  copy.out(to + first * classes, tile);
}

}  // namespace kelvin::cross_entropy
