// An image set as device tensors, batch by batch, in the order of the set.
#pragma once

#include <algorithm>
#include <functional>

#include "data/dataset.h"
#include "engine/tensor.h"

namespace kelvin {

struct TensorBatch {
  std::int64_t first = 0;  // index of its first image in the set
  Tensor images;           // float32 [n, H, W, C] in [0, 1]
  Tensor labels;           // int32 [n]
  Tensor indices;          // int32 [n]: first, first + 1, ...
};

[[nodiscard]] TensorBatch tensor_batch(const ImageSet& set, std::int64_t first, std::int64_t count, Device device);

// f(batch) for every batch of at most batch_size images.
template <class F>
void for_each_batch(const ImageSet& set, std::int64_t batch_size, Device device, const F& f) {
  for (std::int64_t first = 0; first < set.count; first += batch_size)
    f(tensor_batch(set, first, std::min(batch_size, set.count - first), device));
}

}  // namespace kelvin
