// One warp a row up to 1024 classes, one block a row above; the row is read twice, the second time from the cache.
#include <cmath>

#include "kernels/losses/log_odds_cross_entropy.h"
#include "kernels/simt/groups.h"

namespace kelvin {
namespace {

// log Σ_{j≠y} exp(z_j / τ), the label's class left out of maximum and sum.
template <class Group>
__device__ float log_sum_of_others(const Group& group, const float* z, std::int64_t classes, std::int32_t label,
                                   float tau) {
  float maximum = -INFINITY;
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads)
    if (j != label) maximum = fmaxf(maximum, z[j] / tau);
  maximum = group.max(maximum);
  float sum = 0;
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads)
    if (j != label) sum += expf(z[j] / tau - maximum);
  return maximum + logf(group.sum(sum));
}

template <class Group>
__global__ void log_odds_forward_kernel(float* loss, const float* logits, const std::int32_t* labels, const float* tau,
                                        std::int64_t rows, std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const float* const z = logits + row * classes;
  const float log_sum = log_sum_of_others(group, z, classes, labels[row], tau[0]);
  if (group.rank() == 0) loss[row] = log_sum - z[labels[row]] / tau[0];
}

template <class Group>
__global__ void log_odds_backward_kernel(float* dlogits, const float* dloss, const float* logits,
                                         const std::int32_t* labels, const float* tau, std::int64_t rows,
                                         std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const float* const z = logits + row * classes;
  const float log_sum = log_sum_of_others(group, z, classes, labels[row], tau[0]);
  const float factor = dloss[row] / tau[0];
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads)
    dlogits[row * classes + j] = j == labels[row] ? -factor : factor * expf(z[j] / tau[0] - log_sum);
}

}  // namespace

template <>
void log_odds_cross_entropy_forward(const Cuda& cuda, View<float> loss, View<const float> logits,
                                    View<const std::int32_t> labels, View<const float> tau) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, log_odds_forward_kernel<Group>, logits.rows(), loss.data, logits.data, labels.data,
                       tau.data, logits.rows(), logits.cols());
  });
}

template <>
void log_odds_cross_entropy_backward(const Cuda& cuda, View<float> dlogits, View<const float> dloss,
                                     View<const float> logits, View<const std::int32_t> labels, View<const float> tau) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, log_odds_backward_kernel<Group>, logits.rows(), dlogits.data, dloss.data, logits.data,
                       labels.data, tau.data, logits.rows(), logits.cols());
  });
}

}  // namespace kelvin
