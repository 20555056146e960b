#include "data/tensor_batch.h"

#include <omp.h>

#include <numeric>
#include <system_error>

#include "kernels/device/threads.h"

namespace kelvin {
namespace {

std::vector<float> pixels_of(const ImageSet& set, std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), first);
  std::vector<float> images(static_cast<std::size_t>(count * set.pixels()));
  set.copy_images(rows, images.data());
  return images;
}

TensorBatch to_batch(const ImageSet& set, std::int64_t first, std::int64_t count, const std::vector<float>& images,
                     Device device) {
  std::vector<std::int32_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), static_cast<std::int32_t>(first));
  const std::span<const std::int32_t> labels(set.labels.data() + first, static_cast<std::size_t>(count));
  return {first, Tensor::from_host<float>(images, {count, set.height, set.width, set.channels}, device),
          Tensor::from_host<std::int32_t>(labels, {count}, device),
          Tensor::from_host<std::int32_t>(indices, {count}, device)};
}

}  // namespace

TensorBatch tensor_batch(const ImageSet& set, std::int64_t first, std::int64_t count, Device device) {
  return to_batch(set, first, count, pixels_of(set, first, count), device);
}

TensorBatch BatchReader::read(std::int64_t first, std::int64_t count, std::int64_t next) {
  const bool is_there = ahead_.valid() && ahead_first_ == first && ahead_count_ == count;
  const std::vector<float> images = is_there ? ahead_.get() : pixels_of(set_, first, count);
  if (reads_ahead_ && next < set_.count) {
    ahead_first_ = next;
    ahead_count_ = std::min(count, set_.count - next);
    try {
      ahead_ = std::async(std::launch::async, [&set = set_, next, n = ahead_count_, threads = usable_threads()] {
        omp_set_num_threads(threads);  // a new thread does not have the number of the one that started it
        return pixels_of(set, next, n);
      });
    } catch (const std::system_error&) {  // no thread can be had: the batch is read when it is asked for
    }
  }
  return to_batch(set_, first, count, images, device_);
}

}  // namespace kelvin
