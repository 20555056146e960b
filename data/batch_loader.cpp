#include "data/batch_loader.h"

#include <omp.h>

#include <algorithm>
#include <numeric>
#include <system_error>

#include "data/random_order.h"
#include "kernels/device/error.h"

namespace kelvin {

AugmentOptions augment_options(const LoaderOptions& o, const ImageSet& set, std::uint32_t epoch) {
  const std::int64_t side = std::max(set.height, set.width);
  return {.enabled = o.augment,
          .pad = side <= 48 ? 4 : 8,
          .cutout = o.cutout ? side / 2 : 0,
          .key = {o.seed, random_stream("augment")},
          .epoch = epoch};
}

BatchLoader::BatchLoader(const ImageSet& set, const LoaderOptions& options) : set_(set), options_(options) {
  KELVIN_CHECK(set.count > 0 && options.batch_size > 0 && options.workers > 0,
               "an empty set, batch or pool of workers");
  if (set.reader)
    throw mistake("data"_field, ": a set that is read image by image is for evaluation, not for training");
  const bool keeps_last = !options.drop_last || set.count < options.batch_size;
  batches_per_epoch_ = (set.count + (keeps_last ? options.batch_size - 1 : 0)) / options.batch_size;
  try {
    for (int i = 0; i < options.workers; ++i) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    const std::size_t there = workers_.size();
    stop();
    throw Error(ExitCode::out_of_memory,
                message("of ", options.workers, " threads that prepare batches only ", there,
                        " can be had; try a smaller ", "loader-workers"_field, ", or raise `ulimit -u`"));
  } catch (...) {
    stop();
    throw;
  }
}

BatchLoader::~BatchLoader() { stop(); }

void BatchLoader::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  workers_.clear();  // waits for them
}

Batch BatchLoader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ready_.contains(wanted_) || failure_; });
  if (!ready_.contains(wanted_)) std::rethrow_exception(failure_);
  Batch batch = std::move(ready_.extract(wanted_).mapped());
  ++wanted_;
  changed_.notify_all();
  return batch;
}

void BatchLoader::work() {
  try {
    prepare_batches();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

void BatchLoader::prepare_batches() {
  omp_set_num_threads(1);  // a worker is one thread; the step has the others
  while (true) {
    std::int64_t ticket = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return is_stopping_ || next_ticket_ <= wanted_ + options_.workers; });
      if (is_stopping_) return;
      ticket = next_ticket_++;
    }
    Batch batch = prepare(ticket);
    {
      const std::lock_guard lock(mutex_);
      ready_.emplace(ticket, std::move(batch));
    }
    changed_.notify_all();
  }
}

std::vector<std::int32_t> BatchLoader::order_of(std::uint32_t epoch) const {
  if (options_.shuffle) return random_order(set_.count, {options_.seed, random_stream("shuffle")}, epoch);
  std::vector<std::int32_t> order(static_cast<std::size_t>(set_.count));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

Batch BatchLoader::prepare(std::int64_t ticket) {
  Batch batch;
  batch.epoch = options_.first_epoch + static_cast<std::uint32_t>(ticket / batches_per_epoch_);
  batch.number = ticket % batches_per_epoch_;
  const std::int64_t begin_of_whole = batch.number * options_.batch_size;
  batch.whole = std::min(options_.batch_size, set_.count - begin_of_whole);
  batch.first = begin_of_part(batch.whole, options_.part, options_.parts);
  const std::int64_t begin = begin_of_whole + batch.first;
  const std::int64_t n = begin_of_part(batch.whole, options_.part + 1, options_.parts) - batch.first;
  {
    const std::lock_guard lock(mutex_);
    auto order = orders_.find(batch.epoch);
    if (order == orders_.end()) {
      order = orders_.emplace(batch.epoch, order_of(batch.epoch)).first;
      if (batch.epoch >= 2) orders_.erase(batch.epoch - 2);  // no worker lags by an epoch and more
    }
    batch.indices.assign(order->second.begin() + begin, order->second.begin() + begin + n);
  }
  for (const std::int32_t i : batch.indices) batch.labels.push_back(set_.labels[static_cast<std::size_t>(i)]);

  if (!options_.images) return batch;
  batch.images.resize(static_cast<std::size_t>(n * set_.pixels()));
  const Shape set_shape{set_.count, set_.height, set_.width, set_.channels};
  const View<float> out(batch.images.data(), {n, set_.height, set_.width, set_.channels});
  const View<const std::int32_t> indices(batch.indices.data(), {n});
  const AugmentOptions augment = augment_options(options_, set_, batch.epoch);
  if (!set_.floats.empty()) {
    crop_flip(Cpu{}, out, View<const float>(set_.floats.data(), set_shape), indices, augment);
  } else {
    crop_flip(Cpu{}, out, View<const std::uint8_t>(set_.bytes.data(), set_shape), indices, augment);
  }
  return batch;
}

}  // namespace kelvin
