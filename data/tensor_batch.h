// An image set as device tensors, batch by batch, in the order of the set.
#pragma once

#include <algorithm>
#include <future>
#include <vector>

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

// Reads batches one after the other, the next one while the last is in use.
class BatchReader {
 public:
  // Keeps a reference to `set`. Reads ahead where images are made as they are read (ImageSet::reader) and another device computes; on the CPU the
  // model's threads would lose what the reader's gain.
  BatchReader(const ImageSet& set, Device device)
      : BatchReader(set, device, set.reader && device.kind == DeviceKind::cuda) {}
  BatchReader(const ImageSet& set, Device device, bool reads_ahead)
      : set_(set), device_(device), reads_ahead_(reads_ahead) {}

  // The batch, and its reading of the next one begins: of as many images from `next` on, or those that are left. Throws what reading met.
  [[nodiscard]] TensorBatch read(std::int64_t first, std::int64_t count, std::int64_t next);

 private:
  const ImageSet& set_;
  Device device_;
  bool reads_ahead_;
  std::int64_t ahead_first_ = 0, ahead_count_ = 0;
  std::future<std::vector<float>> ahead_;  // the pixels of the next batch
};

// f(batch) for every batch of at most batch_size images.
template <class F>
void for_each_batch(const ImageSet& set, std::int64_t batch_size, Device device, const F& f) {
  BatchReader reader(set, device);
  for (std::int64_t first = 0; first < set.count; first += batch_size)
    f(reader.read(first, std::min(batch_size, set.count - first), first + batch_size));
}

}  // namespace kelvin
