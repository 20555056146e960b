// One warp a row up to 1024 classes, one block a row above. Forward reads the logits once: maximum and sum are kept up together
// (Milakov & Gimelshein 2018, 1805.02867). Backward reads them a second time, which finds the row in the cache, and writes
// dlogits. `softmax_cross_entropy_fused` does both in one launch: 8 bytes of memory traffic a logit. expf and logf are the accurate ones, denormals included: where the gradient becomes 0 is what is studied here.
#include <cmath>

#include "kernels/device/groups.h"
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

// log p_j = (z_j/τ − maximum) − log Σ
struct LogSoftmax {
  float tau, maximum, log_sum;
  __device__ float operator()(float z) const { return z / tau - maximum - log_sum; }
};

template <class Group>
__device__ LogSoftmax log_softmax_of(const Group& group, const float* z, std::int64_t classes, float tau) {
  SoftmaxState mine;
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads) {
    const float scaled = z[j] / tau;
    if (scaled > mine.maximum) {
      mine.sum = mine.sum * expf(mine.maximum - scaled) + 1.0f;
      mine.maximum = scaled;
    } else if (scaled != -INFINITY) {  // a masked class adds nothing; NaN does
      mine.sum += expf(scaled - mine.maximum);
    }
  }
  const SoftmaxState all = group.reduce(mine, MergeStates{});
  return {tau, all.maximum, logf(all.sum)};
}

// q_j: the share of class j in a smoothed label.
struct SmoothedLabel {
  std::int32_t label;
  float own, other;  // q of the label and of every other class
  __device__ float operator()(std::int64_t j) const { return j == label ? own : other; }
};
__device__ SmoothedLabel smoothed_label(std::int32_t label, float smoothing, std::int64_t classes) {
  const float other = smoothing / static_cast<float>(classes);
  return {label, 1.0f - smoothing + other, other};
}

template <class Group>
__device__ void write_gradient(const Group& group, float* dz, const float* z, std::int64_t classes,
                               const SmoothedLabel& q, const LogSoftmax& log_p, float factor) {
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads) dz[j] = factor * (expf(log_p(z[j])) - q(j));
}

template <class Group>
__global__ void forward_kernel(float* loss, const float* logits, const std::int32_t* labels, const float* tau,
                               float smoothing, std::int64_t rows, std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const float* const z = logits + row * classes;
  const LogSoftmax log_p = log_softmax_of(group, z, classes, tau[0]);
  if (smoothing == 0.0f) {
    if (group.rank() == 0) loss[row] = -log_p(z[labels[row]]);
    return;
  }
  const SmoothedLabel q = smoothed_label(labels[row], smoothing, classes);
  float sum = 0;
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads) sum -= q(j) * log_p(z[j]);
  sum = group.sum(sum);
  if (group.rank() == 0) loss[row] = sum;
}

template <class Group>
__global__ void backward_kernel(float* dlogits, const float* dloss, const float* logits, const std::int32_t* labels,
                                const float* tau, float smoothing, std::int64_t rows, std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const float* const z = logits + row * classes;
  const LogSoftmax log_p = log_softmax_of(group, z, classes, tau[0]);
  write_gradient(group, dlogits + row * classes, z, classes, smoothed_label(labels[row], smoothing, classes), log_p,
                 dloss[row] / tau[0]);
}

template <class Group>
__global__ void fused_kernel(float* loss, float* dlogits, const float* logits, const std::int32_t* labels,
                             const float* tau, float dloss, std::int64_t rows, std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const float* const z = logits + row * classes;
  const LogSoftmax log_p = log_softmax_of(group, z, classes, tau[0]);
  if (group.rank() == 0) loss[row] = -log_p(z[labels[row]]);
  write_gradient(group, dlogits + row * classes, z, classes, smoothed_label(labels[row], 0.0f, classes), log_p,
                 dloss / tau[0]);
}

template <class Group>
__global__ void softmax_kernel(float* probabilities, const float* logits, const float* tau, std::int64_t rows,
                               std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const float* const z = logits + row * classes;
  const LogSoftmax log_p = log_softmax_of(group, z, classes, tau[0]);
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads)
    probabilities[row * classes + j] = expf(log_p(z[j]));
}

}  // namespace

template <>
void softmax_cross_entropy_forward(const Cuda& cuda, View<float> loss, View<const float> logits,
                                   View<const std::int32_t> labels, View<const float> tau, float smoothing) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, forward_kernel<Group>, logits.rows(), loss.data, logits.data, labels.data, tau.data,
                       smoothing, logits.rows(), logits.cols());
  });
}

template <>
void softmax_cross_entropy_backward(const Cuda& cuda, View<float> dlogits, View<const float> dloss,
                                    View<const float> logits, View<const std::int32_t> labels, View<const float> tau,
                                    float smoothing) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, backward_kernel<Group>, logits.rows(), dlogits.data, dloss.data, logits.data, labels.data,
                       tau.data, smoothing, logits.rows(), logits.cols());
  });
}

void softmax_cross_entropy_fused(const Cuda& cuda, View<float> loss, View<float> dlogits, View<const float> logits,
                                 View<const std::int32_t> labels, View<const float> tau, float dloss) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, fused_kernel<Group>, logits.rows(), loss.data, dlogits.data, logits.data, labels.data,
                       tau.data, dloss, logits.rows(), logits.cols());
  });
}

template <>
void softmax(const Cuda& cuda, View<float> probabilities, View<const float> logits, View<const float> tau) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, softmax_kernel<Group>, logits.rows(), probabilities.data, logits.data, tau.data,
                       logits.rows(), logits.cols());
  });
}

}  // namespace kelvin
