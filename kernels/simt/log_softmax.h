// log softmax(z / τ) of one row by one group of threads, in float32 with the accurate expf and logf. Included by .cu files only.
//
//   const LogSoftmax log_p = log_softmax_of(group, z, classes, tau);
//   ... expf(log_p(z[j])) ...
#pragma once

#include <cmath>

#include "kernels/simt/groups.h"

namespace kelvin {

// log p_j = (z_j/τ − maximum) − log Σ
struct LogSoftmax {
  float tau, maximum, log_sum;
  __device__ float operator()(float z) const { return z / tau - maximum - log_sum; }
};

// The row is read twice, the second time from the cache. Every thread of the group must call it.
template <class Group>
__device__ LogSoftmax log_softmax_of(const Group& group, const float* z, std::int64_t classes, float tau) {
  float maximum = -INFINITY;
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads) maximum = fmaxf(maximum, z[j] / tau);
  maximum = group.max(maximum);
  float sum = 0;
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads) sum += expf(z[j] / tau - maximum);
  return {tau, maximum, logf(group.sum(sum))};
}

}  // namespace kelvin
