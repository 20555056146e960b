// The position of a row's largest element, the first of equals: a reduction over threads of one group. Included by .cu files only.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/simt/groups.h"

namespace kelvin {

struct BestIndex {
  float value = -INFINITY;
  std::int32_t index = INT32_MAX;  // none yet
};

struct KeepBetter {
  __device__ BestIndex operator()(BestIndex a, BestIndex b) const {
    if (a.index == INT32_MAX) return b;
    if (b.index == INT32_MAX) return a;
    return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
  }
};

__device__ inline BestIndex shuffle_xor(BestIndex b, int flip) {
  return {shuffle_xor<float>(b.value, flip), shuffle_xor<std::int32_t>(b.index, flip)};
}

// Over z[0, n) without the positions `except`, `also_except` and `and_except` (−1: none).
template <class Group>
__device__ BestIndex best_index(const Group& group, const float* z, std::int64_t n, std::int64_t except,
                                std::int64_t also_except = -1, std::int64_t and_except = -1) {
  BestIndex mine;
  for (std::int64_t j = group.rank(); j < n; j += Group::kThreads)
    if (j != except && j != also_except && j != and_except)
      mine = KeepBetter{}(mine, {z[j], static_cast<std::int32_t>(j)});
  return group.reduce(mine, KeepBetter{});
}

}  // namespace kelvin
