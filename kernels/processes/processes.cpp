#include "kernels/processes/processes.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <sstream>

#include "kernels/processes/news.h"

namespace kelvin {
namespace {

constexpr auto kTellInterval = std::chrono::milliseconds(200);

std::span<std::byte> bytes_between(std::span<std::byte> all, std::int64_t begin, std::int64_t end) {
  return all.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

// "a and b": the first lines of two texts that differ.
std::string first_difference(const Bytes& a, const Bytes& b) {
  std::istringstream of_a(std::string(reinterpret_cast<const char*>(a.data()), a.size()));
  std::istringstream of_b(std::string(reinterpret_cast<const char*>(b.data()), b.size()));
  std::string x, y;
  while (true) {
    const bool has_x = !!std::getline(of_a, x), has_y = !!std::getline(of_b, y);
    if (!has_x || !has_y || x != y) return str(has_x ? x : "nothing", " and ", has_y ? y : "nothing");
  }
}

}  // namespace

Processes::Processes(const Transport& transport, double hang_after)
    : t_(transport),
      hosts_(static_cast<std::size_t>(t_.size)),
      hang_after_(hang_after),
      news_(std::make_unique<News>(t_.size)) {
  const std::string_view mine = t_.host;
  const std::vector<Bytes> all = gather(std::as_bytes(std::span(mine)), "the start");
  for (std::size_t r = 0; r < all.size(); ++r)
    hosts_[r].assign(reinterpret_cast<const char*>(all[r].data()), all[r].size());
}

Processes::Processes() = default;
Processes::~Processes() = default;

std::string Processes::name() const { return str("rank ", rank(), " on ", t_.host); }

void Processes::barrier(const std::string& where) { (void)gather({}, where); }

std::vector<Bytes> Processes::gather(std::span<const std::byte> mine, const std::string& where) {
  std::vector<Bytes> all(static_cast<std::size_t>(size()));
  Bytes& own = all[static_cast<std::size_t>(rank())];
  own.assign(mine.begin(), mine.end());
  if (!are_many()) return all;
  std::vector<std::int64_t> sizes(all.size(), static_cast<std::int64_t>(own.size()));
  const auto to_all = [&](const auto& received, std::span<std::byte> sent) {
    std::vector<Message> messages;
    for (int r = 0; r < size(); ++r)
      if (r != rank())
        messages.insert(messages.end(), {{false, r, received(static_cast<std::size_t>(r))}, {true, r, sent}});
    exchange(messages, where);
  };
  std::int64_t own_size = sizes.front();
  to_all([&](std::size_t r) { return std::as_writable_bytes(std::span(&sizes[r], 1)); },
         std::as_writable_bytes(std::span(&own_size, 1)));
  for (std::size_t r = 0; r < all.size(); ++r) all[r].resize(static_cast<std::size_t>(sizes[r]));
  to_all([&](std::size_t r) { return std::span(all[r]); }, std::span(own));
  return all;
}

// Each rank adds one part of the values, gets that part from all others, and sends them its sum.
template <class T>
void Processes::sum_in_rank_order(std::span<T> values, const std::string& where) {
  if (!are_many()) return;
  const auto n = static_cast<std::int64_t>(values.size()), ranks = static_cast<std::int64_t>(size());
  const auto bound = [&](int r) { return n * r / ranks * static_cast<std::int64_t>(sizeof(T)); };
  const std::span<std::byte> bytes = std::as_writable_bytes(values);
  const auto part_of = [&](int r) { return bytes_between(bytes, bound(r), bound(r + 1)); };
  const std::span<std::byte> own = part_of(rank());
  std::vector<std::vector<T>> received(static_cast<std::size_t>(size()));
  std::vector<Message> messages;
  for (int r = 0; r < size(); ++r) {
    if (r == rank()) continue;
    std::vector<T>& from = received[static_cast<std::size_t>(r)];
    from.resize(own.size() / sizeof(T));
    messages.insert(messages.end(), {{false, r, std::as_writable_bytes(std::span(from))}, {true, r, part_of(r)}});
  }
  exchange(messages, where);

  T* const mine = reinterpret_cast<T*>(own.data());
  const auto count = static_cast<std::int64_t>(own.size() / sizeof(T));
  std::vector<const T*> terms;
  for (int r = 0; r < size(); ++r) terms.push_back(r == rank() ? mine : received[static_cast<std::size_t>(r)].data());
#pragma omp parallel for simd schedule(static) if (count > 16384)
  for (std::int64_t i = 0; i < count; ++i) {
    T total = terms[0][i];
    for (std::size_t r = 1; r < terms.size(); ++r) total += terms[r][i];
    mine[i] = total;
  }

  messages.clear();
  for (int r = 0; r < size(); ++r)
    if (r != rank()) messages.insert(messages.end(), {{false, r, part_of(r)}, {true, r, own}});
  exchange(messages, where);
}

void Processes::sum(std::span<float> values, const std::string& where) { sum_in_rank_order(values, where); }
void Processes::sum(std::span<double> values, const std::string& where) { sum_in_rank_order(values, where); }
void Processes::sum(std::span<std::int64_t> values, const std::string& where) { sum_in_rank_order(values, where); }

bool Processes::is_true_on_all(bool own, const std::string& where) {
  std::int64_t ranks = own ? 1 : 0;
  sum(std::span(&ranks, 1), where);
  return ranks == size();
}

void Processes::require_equal(const std::string& what, const std::string& text) {
  const std::vector<Bytes> all = gather(std::as_bytes(std::span(text)), what);
  for (std::size_t r = 1; r < all.size(); ++r)
    if (all[r] != all[0])
      throw mistake("rank ", r, " on ", hosts_[r], " and rank 0 on ", hosts_[0], " differ in ", what, " (",
                    first_difference(all[r], all[0]), "); all ranks need the same program, files and flags");
}

void Processes::gather_items(std::span<std::byte> all, std::int64_t item_bytes, const std::string& where) {
  if (!are_many()) return;
  const auto total = static_cast<std::int64_t>(all.size()), items = (total + item_bytes - 1) / item_bytes;
  const auto item = [&](std::int64_t i) {
    return bytes_between(all, i * item_bytes, std::min(total, (i + 1) * item_bytes));
  };
  Bytes mine;
  for (std::int64_t i = 0; i < items; ++i)
    if (is_mine(i)) mine.insert(mine.end(), item(i).begin(), item(i).end());
  const std::vector<Bytes> parts = gather(mine, where);
  std::vector<std::size_t> at(parts.size());
  for (std::int64_t i = 0; i < items; ++i) {
    const auto r = static_cast<std::size_t>(i % size());
    const std::span<std::byte> to = item(i);
    KELVIN_CHECK(at[r] + to.size() <= parts[r].size(), "rank ", r, " sent fewer items than are its own");
    std::memcpy(to.data(), parts[r].data() + at[r], to.size());
    at[r] += to.size();
  }
}

std::int64_t Processes::tell_progress(std::int64_t done) {
  if (!are_many()) return done;
  const Clock::time_point now = Clock::now();
  longest_work_ = std::max(longest_work_, std::chrono::duration<double>(now - last_event_).count());
  last_event_ = now;
  news_->done[static_cast<std::size_t>(rank())] = done;
  if (now - news_->told > kTellInterval) {
    news_->told = now;
    for (int r = 0; r < size(); ++r)
      if (r != rank()) post(kProgress, r, std::as_bytes(std::span(&done, 1)));
    take_news();
    if (!news_->working_since) news_->working_since = now;
    require_life(*news_->working_since, "a piece of work");
  }
  return done_by_all();
}

void Processes::still_working() {
  if (are_many()) (void)tell_progress(news_->done[static_cast<std::size_t>(rank())]);
}

std::int64_t Processes::done_by_all() const {
  return std::accumulate(news_->done.begin(), news_->done.end(), std::int64_t{0});
}

void Processes::restart_progress(const std::string& where, const std::function<void(std::int64_t)>& show) {
  if (!are_many()) return;
  news_->told = {};  // the others see the end of this rank's part at once
  still_working();
  show_ = show;
  barrier(where);  // progress of the old piece has come before a later message
  show_ = {};
  take_news();
  std::ranges::fill(news_->done, 0);
}

}  // namespace kelvin
