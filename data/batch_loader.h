// Prepares batches ahead of the step in worker threads.
//
// The order of an epoch and the augmentation of an image depend on (seed, epoch) and (seed, epoch, image) only: the same
// batches in the same order for any number of workers, and from any epoch on. Batches come in order; a bounded queue keeps at
// most `workers + 1` of them ready.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "data/dataset.h"
#include "kernels/arrays/augment.h"

namespace kelvin {

// Where part `part` of `parts` of a batch of `images` begins; it ends where the next begins.
[[nodiscard]] constexpr std::int64_t begin_of_part(std::int64_t images, int part, int parts) {
  return part * images / parts;
}

struct LoaderOptions {
  std::int64_t batch_size = 128;
  bool shuffle = true;
  bool drop_last = true;  // leaves out an incomplete last batch (when there is a complete one)
  bool augment = false;   // pad (4; 8 for images above 48 pixels), random crop, horizontal flip
  bool cutout = false;    // with augment: a square of zeros, half the image's side
  bool images = true;     // false: labels and indices only; the images are gathered elsewhere (ResidentSet)
  std::uint64_t seed = 0;
  int workers = 1;
  std::uint32_t first_epoch = 0;
  // Of each batch only this part.
  int part = 0, parts = 1;
};

struct Batch {
  std::uint32_t epoch = 0;
  std::int64_t number = 0;            // in its epoch
  std::int64_t first = 0, whole = 0;  // where the images below begin in the whole batch, and how many that has
  std::vector<float> images;          // [n, H, W, C] in [0, 1]; or empty
  std::vector<std::int32_t> labels;   // [n]
  std::vector<std::int32_t> indices;  // [n] into the set
};

// What happens to the images of an epoch.
[[nodiscard]] AugmentOptions augment_options(const LoaderOptions& options, const ImageSet& set, std::uint32_t epoch);

class BatchLoader {
 public:
  // Error with ExitCode::out_of_memory where the system has not so many threads.
  BatchLoader(const ImageSet& set, const LoaderOptions& options);  // keeps a reference to `set`
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  [[nodiscard]] std::int64_t batches_per_epoch() const { return batches_per_epoch_; }
  // The next batch; epochs follow each other without end. Blocks until it is ready. Throws what a worker met, such as no memory.
  [[nodiscard]] Batch next();

 private:
  void work();
  void prepare_batches();
  void stop();
  [[nodiscard]] Batch prepare(std::int64_t ticket);
  // The images of an epoch in their order.
  [[nodiscard]] std::vector<std::int32_t> order_of(std::uint32_t epoch) const;

  const ImageSet& set_;
  LoaderOptions options_;
  std::int64_t batches_per_epoch_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, Batch> ready_;  // by ticket: the number of the batch since the loader began
  std::int64_t next_ticket_ = 0, wanted_ = 0;
  bool is_stopping_ = false;
  std::exception_ptr failure_;                                 // of a worker; for next()
  std::map<std::uint32_t, std::vector<std::int32_t>> orders_;  // of the epochs in work
  std::vector<std::jthread> workers_;                          // joined by stop()
};

}  // namespace kelvin
