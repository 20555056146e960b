// The batches of a set, divided among the ranks of a parallel run (kernels/processes): rank r computes batches r, r + N, ... of those that one
// process would compute. Their boundaries do not change, because sums in a matrix product may depend on its shape. Then every rank gets all
// rows and goes on with the code of one process, so that the results are equal bit for bit.
//
//   std::vector<float> logits(count * classes);
//   each_own_batch(count, batch_size, [&](std::int64_t first, std::int64_t n) { ... writes rows first to first + n − 1 ... });
//   share_rows(std::span(logits), classes, batch_size);
//
// One process has every batch, and nothing is sent. All functions are collective.
#pragma once

#include <functional>
#include <span>
#include <type_traits>
#include <vector>

#include "data/tensor_batch.h"
#include "kernels/processes/processes.h"

namespace kelvin {

// Reports progress; may be empty.
using CountFunction = std::function<void(std::int64_t done, std::int64_t total)>;

// f(first, n) for each batch of this rank, in order. Returns when all ranks have done theirs. `progress` counts the rows of all ranks.
void each_own_batch(std::int64_t count, std::int64_t batch_size,
                    const std::function<void(std::int64_t first, std::int64_t n)>& f,
                    const CountFunction& progress = {});

// f(batch) with the images of a set.
template <class F>
void each_own_batch(const ImageSet& set, std::int64_t batch_size, Device device, const F& f,
                    const CountFunction& progress = {}) {
  BatchReader reader(set, device);
  each_own_batch(
      set.count, batch_size,
      [&](std::int64_t first, std::int64_t n) { f(reader.read(first, n, first + batch_size * processes().size())); },
      progress);
}

// Every rank gets the rows of the others' batches. `rows` has `width` values for each row, and all rows of the set.
template <class T>
void share_rows(std::span<T> rows, std::int64_t width, std::int64_t batch_size) {
  static_assert(std::is_trivially_copyable_v<T>);
  processes().gather_items(std::as_writable_bytes(rows), batch_size * width * static_cast<std::int64_t>(sizeof(T)),
                           "the rows of a set");
}

// The same for rows that differ in length, such as images that only some rows have.
void share_rows(std::vector<std::vector<float>>& rows, std::int64_t batch_size);

}  // namespace kelvin
