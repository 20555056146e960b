#include "data/tensor_batch.h"

#include <numeric>

namespace kelvin {

TensorBatch tensor_batch(const ImageSet& set, std::int64_t first, std::int64_t count, Device device) {
  std::vector<float> images(static_cast<std::size_t>(count * set.pixels()));
  for (std::int64_t i = 0; i < count; ++i) set.copy_image(first + i, images.data() + i * set.pixels());
  std::vector<std::int32_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), static_cast<std::int32_t>(first));
  const std::span<const std::int32_t> labels(set.labels.data() + first, static_cast<std::size_t>(count));
  return {first, Tensor::from_host<float>(images, {count, set.height, set.width, set.channels}, device),
          Tensor::from_host<std::int32_t>(labels, {count}, device),
          Tensor::from_host<std::int32_t>(indices, {count}, device)};
}

}  // namespace kelvin
