// A row is read from memory once and kept in the registers of the threads that share it: 4 lanes up to 32 classes, a warp up to 1024, a
// block up to 16384. Longer rows are read twice, with maximum and sum kept up together in the first pass (Milakov & Gimelshein 2018,
// 1805.02867); the second goes backwards, so that it begins with what the cache still holds. 16-byte accesses where every row is aligned.
// Bytes: forward 4 a logit, backward 8, fused 8 for both (12 at most for long rows). expf and logf are the accurate ones, denormals
// included: where the gradient becomes 0 is what is studied here.
#include <cmath>

#include "kernels/device/held_row.h"
#include "kernels/device/log_softmax.h"
#include "kernels/softmax_cross_entropy.h"

namespace kelvin {
namespace {

// Maximum of z/τ and Σ exp(z/τ − maximum) of what a thread has seen.
struct SoftmaxState {
  float maximum = -INFINITY, sum = 0;
};

__device__ SoftmaxState shuffle_xor(SoftmaxState s, int flip) {
  return {kelvin::shuffle_xor(s.maximum, flip), kelvin::shuffle_xor(s.sum, flip)};
}

struct MergeStates {
  __device__ SoftmaxState operator()(SoftmaxState a, SoftmaxState b) const {
    if (a.maximum < b.maximum) return {b.maximum, b.sum + a.sum * expf(a.maximum - b.maximum)};
    // Two empty states (−∞) merge into an empty one, not into NaN.
    return {a.maximum, b.sum == 0.0f ? a.sum : a.sum + b.sum * expf(b.maximum - a.maximum)};
  }
};

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

  // q_j: the share of class j in the smoothed label.
  __device__ float share(std::int64_t j, std::int32_t label) const {
    const float other = smoothing / static_cast<float>(classes);
    return j == label ? 1.0f - smoothing + other : other;
  }
  __device__ float gradient_factor(std::int64_t row) const {
    return (dloss != nullptr ? dloss[row] : dloss_of_all) / tau[0];
  }
  __device__ bool needs_all_classes() const { return loss != nullptr && smoothing != 0.0f; }
  // all_classes: −Σ_j log p_j, where needed.
  __device__ void write_loss(std::int64_t row, const LogSoftmax& log_p, float all_classes) const {
    if (loss == nullptr) return;
    const float own = -log_p(logits[row * classes + labels[row]]);
    loss[row] =
        smoothing == 0.0f ? own : (1.0f - smoothing) * own + smoothing / static_cast<float>(classes) * all_classes;
  }
};

// Rows of at most Group::kThreads · kPerThread classes.
template <class Group, int Width, int kPerThread>
__global__ void __launch_bounds__(Group::kThreads* Group::kRowsPerBlock) held_kernel(const Rows r) {
  const Group group;
  const bool has_row = group.row() < r.rows;
  const std::int64_t row = has_row ? group.row() : r.rows - 1;  // every lane takes part in the reductions
  const float tau = r.tau[0];
  float scaled[kPerThread];  // z/τ; −∞ beyond the row
#pragma unroll
  for (float& s : scaled) s = -INFINITY;
  for_packs<Group, Width, kPerThread>(r.classes, group.rank(), [&](int i, int col) {
    const Pack<Width> z = load<Width>(r.logits + row * r.classes + col);
#pragma unroll
    for (int k = 0; k < Width; ++k) scaled[i + k] = z[k] / tau;
  });
  float maximum = -INFINITY, sum = 0;
#pragma unroll
  for (const float s : scaled) maximum = fmaxf(maximum, s);
  maximum = group.max(maximum);
#pragma unroll
  for (const float s : scaled) sum += s == -INFINITY ? 0.0f : expf(s - maximum);
  const LogSoftmax log_p = {tau, maximum, logf(group.sum(sum))};
  float all_classes = 0;
  if (r.needs_all_classes()) {
    for_packs<Group, Width, kPerThread>(r.classes, group.rank(), [&](int i, int) {
#pragma unroll
      for (int k = 0; k < Width; ++k) all_classes -= scaled[i + k] - log_p.maximum - log_p.log_sum;
    });
    all_classes = group.sum(all_classes);
  }
  if (!has_row) return;
  if (group.rank() == 0) r.write_loss(row, log_p, all_classes);
  float* const to = r.dlogits != nullptr ? r.dlogits : r.probabilities;
  if (to == nullptr) return;
  const bool is_gradient = r.dlogits != nullptr;
  const float factor = is_gradient ? r.gradient_factor(row) : 1.0f;
  const std::int32_t label = is_gradient ? r.labels[row] : -1;
  for_packs<Group, Width, kPerThread>(r.classes, group.rank(), [&](int i, int col) {
    Pack<Width> out;
#pragma unroll
    for (int k = 0; k < Width; ++k)
      out[k] = factor * (expf(scaled[i + k] - log_p.maximum - log_p.log_sum) - r.share(col + k, label));
    store<Width>(to + row * r.classes + col, out);
  });
}

using LongRowGroup = BlockGroup<512>;

template <int Width>
__global__ void __launch_bounds__(LongRowGroup::kThreads) streamed_kernel(const Rows r) {
  const LongRowGroup group;
  const std::int64_t row = group.row(), stride = LongRowGroup::kThreads * Width;
  const float* const z = r.logits + row * r.classes;
  const float tau = r.tau[0];
  SoftmaxState mine;
  for (std::int64_t j = group.rank() * Width; j < r.classes; j += stride) {
    Pack<Width> v = load<Width>(z + j);
    float maximum = mine.maximum;
    for (int k = 0; k < Width; ++k) {
      v[k] /= tau;
      maximum = fmaxf(maximum, v[k]);
    }
    if (maximum > mine.maximum) {
      mine.sum *= expf(mine.maximum - maximum);
      mine.maximum = maximum;
    }
    for (int k = 0; k < Width; ++k)  // a masked class adds nothing; NaN does
      if (v[k] != -INFINITY) mine.sum += expf(v[k] - mine.maximum);
  }
  const SoftmaxState all = group.reduce(mine, MergeStates{});
  const LogSoftmax log_p = {tau, all.maximum, logf(all.sum)};
  float all_classes = 0;
  if (r.needs_all_classes()) {
    for (std::int64_t j = group.rank(); j < r.classes; j += LongRowGroup::kThreads) all_classes -= log_p(z[j]);
    all_classes = group.sum(all_classes);
  }
  if (group.rank() == 0) r.write_loss(row, log_p, all_classes);
  float* const to = r.dlogits != nullptr ? r.dlogits : r.probabilities;
  if (to == nullptr) return;
  const bool is_gradient = r.dlogits != nullptr;
  const float factor = is_gradient ? r.gradient_factor(row) : 1.0f;
  const std::int32_t label = is_gradient ? r.labels[row] : -1;
  const std::int64_t turns = (r.classes + stride - 1) / stride;
  for (std::int64_t turn = turns - 1; turn >= 0; --turn) {
    const std::int64_t j = turn * stride + group.rank() * Width;
    if (j >= r.classes) continue;
    const Pack<Width> v = load<Width>(z + j);
    Pack<Width> out;
    for (int k = 0; k < Width; ++k) out[k] = factor * (expf(log_p(v[k])) - r.share(j + k, label));
    store<Width>(to + row * r.classes + j, out);
  }
}

template <int Width>
void run(const Cuda& cuda, const Rows& r) {
  const auto held = [&]<class Group, int kPerThread>(Group, std::integral_constant<int, kPerThread>) {
    launch_rows<Group>(cuda, held_kernel<Group, Width, kPerThread>, r.rows, r);
  };
  if (r.classes <= 32)
    held(LaneGroup<4>{}, std::integral_constant<int, 8>{});
  else if (r.classes <= 128)
    held(WarpGroup{}, std::integral_constant<int, 4>{});
  else if (r.classes <= 512)
    held(WarpGroup{}, std::integral_constant<int, 16>{});
  else if (r.classes <= 1024)
    held(WarpGroup{}, std::integral_constant<int, 32>{});
  else if (r.classes <= 4096)
    held(BlockGroup<512>{}, std::integral_constant<int, 8>{});
  else if (r.classes <= 16384)
    held(BlockGroup<512>{}, std::integral_constant<int, 32>{});
  else
    launch_rows<LongRowGroup>(cuda, streamed_kernel<Width>, r.rows, r);
}

// 16-byte accesses where every row begins at a multiple of 16 bytes.
template <class... Outputs>
void run_rows(const Cuda& cuda, const Rows& rows, const View<const float>& logits, const Outputs&... outputs) {
  if (rows.classes % 4 == 0 && can_use_packs(logits, outputs...))
    run<4>(cuda, rows);
  else
    run<1>(cuda, rows);
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
