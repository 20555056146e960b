#include "apps/evaluation/shared_batches.h"

#include <algorithm>
#include <cstring>

namespace kelvin {

void each_own_batch(std::int64_t count, std::int64_t batch_size,
                    const std::function<void(std::int64_t first, std::int64_t n)>& f, const CountFunction& progress) {
  Processes& all = processes();
  std::int64_t done = 0;
  const auto show = [&](std::int64_t done_by_all) {
    if (progress) progress(done_by_all, count);
  };
  for (std::int64_t first = 0; first < count; first += batch_size) {
    if (!all.is_mine(first / batch_size)) continue;
    const std::int64_t n = std::min(batch_size, count - first);
    f(first, n);
    done += n;
    show(all.tell_progress(done));
  }
  all.restart_progress("the batches of a set", show);
}

void share_rows(std::vector<std::vector<float>>& rows, std::int64_t batch_size) {
  Processes& all = processes();
  if (!all.are_many()) return;
  std::vector<std::int64_t> lengths;
  std::vector<float> own;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    lengths.push_back(std::ssize(rows[i]));
    if (all.is_mine(static_cast<std::int64_t>(i) / batch_size)) own.insert(own.end(), rows[i].begin(), rows[i].end());
  }
  share_rows(std::span(lengths), 1, batch_size);
  const std::vector<Bytes> parts = all.gather(std::as_bytes(std::span(own)), "the rows of a set");
  std::vector<std::size_t> at(parts.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto owner = static_cast<std::size_t>(static_cast<std::int64_t>(i) / batch_size % all.size());
    rows[i].resize(static_cast<std::size_t>(lengths[i]));
    const std::size_t bytes = rows[i].size() * sizeof(float);
    KELVIN_CHECK(at[owner] + bytes <= parts[owner].size(), "rank ", owner, " sent fewer rows than are its own");
    if (bytes > 0) std::memcpy(rows[i].data(), parts[owner].data() + at[owner], bytes);
    at[owner] += bytes;
  }
}

}  // namespace kelvin
