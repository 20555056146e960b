// The processes of a parallel run, `mpirun -n 4 kelvin train ...`: who this one is, sums and gathers on the host, and the end of all when one fails.
//
//   Processes& all = processes();
//   std::vector<double> totals = {loss, correct};
//   all.sum(std::span(totals), "the totals of a step");      // in rank order: the same bits on every rank and with every MPI
//
// A process is called a rank and numbered from 0. A program that no launcher started is rank 0 of 1: every function returns at once, and
// nothing of MPI is opened. "Collective" functions must be called by all ranks, in the same order, from the main thread; each returns when its
// result is there. `where` says what is being done, for the message of a wait that ends without result.
//
// No wait is endless. A rank that dies is noticed by the launcher. A rank that stops, hangs or loses its network sends nothing: the others wait
// for it `hang-after` seconds (at first five times that), or four times as long as the longest work so far, and then throw Lost, which names it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/device/error.h"
#include "kernels/processes/transport.h"

namespace kelvin {

using Bytes = std::vector<std::byte>;

inline constexpr double kHangAfter = 60;  // seconds, unless set
// Times that: until the first steps are over, in which caches are filled and plans made, and for the start and the end of MPI.
inline constexpr double kWarmUpPatience = 5;

// A rank does not answer. The message is one line for people.
class Lost : public Error {
 public:
  using Error::Error;
};

// Another rank has failed and says why itself; this one ends in silence with the same code.
class EndedByOther : public Error {
 public:
  using Error::Error;
};

class Processes {
 public:
  Processes();  // this process alone
  explicit Processes(const Transport& transport, double hang_after = kHangAfter);
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  [[nodiscard]] int rank() const { return t_.rank; }
  [[nodiscard]] int size() const { return t_.size; }
  [[nodiscard]] bool are_many() const { return t_.size > 1; }
  [[nodiscard]] bool is_first() const { return t_.rank == 0; }
  [[nodiscard]] int local_rank() const { return t_.local_rank; }  // among those of this machine
  [[nodiscard]] int local_size() const { return t_.local_size; }
  [[nodiscard]] std::string name() const;  // "rank 3 on node-b"

  void set_hang_after(double seconds) { hang_after_ = seconds; }

  // Collective.
  void barrier(const std::string& where);
  // The bytes of every rank, in rank order. They may differ in number.
  [[nodiscard]] std::vector<Bytes> gather(std::span<const std::byte> mine, const std::string& where);
  // values <- their sum over the ranks, added in rank order: ((v0 + v1) + v2) + ...
  void sum(std::span<float> values, const std::string& where);
  void sum(std::span<double> values, const std::string& where);
  void sum(std::span<std::int64_t> values, const std::string& where);
  // For decisions that all ranks must take alike.
  [[nodiscard]] bool is_true_on_all(bool own, const std::string& where);
  // Throws a mistake that names `what`, the ranks and the first line that differs, unless all have the same text.
  void require_equal(const std::string& what, const std::string& text);

  // Rank r computes items r, r + N, ... of `count` items, each of which writes `item_bytes` bytes of `all` (the last perhaps fewer). Afterwards
  // every rank has all of them. Collective.
  void gather_items(std::span<std::byte> all, std::int64_t item_bytes, const std::string& where);
  [[nodiscard]] bool is_mine(std::int64_t item) const { return item % t_.size == t_.rank; }

  // News of a longer piece of work without collective calls, after each part of it: how much this rank has done so far. Ranks that wait see
  // that this one lives. Returns what all ranks have done, as far as their news have come. Not collective. However often it is called, news
  // are sent at most five times a second. Throws Lost as a wait does if another rank is silent.
  std::int64_t tell_progress(std::int64_t done);
  // The same in the middle of a part. Parts that take longer than a few seconds need it, because a rank that has no part learns nothing about
  // how long they take.
  void still_working();
  // After a piece of work and before the next; collective. `show` gets what all ranks have done, while this one waits for the others.
  void restart_progress(const std::string& where = "the end of a piece of work",
                        const std::function<void(std::int64_t)>& show = {});
  // Returns when is_done(), which is asked again and again: for work outside of this class that may need the other ranks, such as a sum on GPUs.
  // Throws as all other waits do, and also when it takes very long though all ranks live. Not collective.
  void wait_for(const std::function<bool()>& is_done, const std::string& where);
  // Called once before a wait throws, so that such work can be ended.
  void set_before_giving_up(std::function<void()> end_work) { before_giving_up_ = std::move(end_work); }

  // The end of a process that failed with this message and exit code (EndedByOther: no message): tells it to the others, and hears for two seconds
  // whether they failed, too. Returns the line that this rank has to print, or nothing where another prints it. A mistake that all ranks made is
  // printed once.
  [[nodiscard]] std::optional<std::string> line_of_failure(const std::string& message, ExitCode code);
  // The end of a process, after all of its output: waits for the others, or ends those that still work if there was a failure. Returns the exit code.
  // Must be called before the process ends.
  [[nodiscard]] int end(int code);

 private:
  using Clock = std::chrono::steady_clock;
  struct Message;
  struct News;

  template <class T>
  void sum_in_rank_order(std::span<T> values, const std::string& where);
  void exchange(std::vector<Message>& messages, const std::string& where);
  void wait(std::vector<Message>& messages, const std::string& where);
  void take_news();
  void require_life(Clock::time_point since, const std::string& where);
  void tell_waiting(Clock::time_point since, bool waits_for_message);
  [[nodiscard]] double patience() const;  // seconds
  template <class E>
  [[noreturn]] void give_up(ExitCode code, const std::string& message);
  [[noreturn]] void give_up_on(std::vector<int> silent, const std::string& where);
  void post(int tag, int to, std::span<const std::byte> bytes);
  double require_in_time(const std::vector<Message>& messages, Clock::time_point since, const std::string& where);
  [[nodiscard]] std::int64_t done_by_all() const;
  [[nodiscard]] Bytes receive_waiting(int tag, int from, std::int64_t bytes);

  Transport t_;
  std::vector<std::string> hosts_;
  double hang_after_ = kHangAfter;
  std::int64_t waits_ = 0;
  Clock::time_point last_event_ = Clock::now();
  double longest_work_ = 0;     // seconds between two events of this rank, or of another that it has waited for
  double longest_outside_ = 0;  // seconds of wait_for
  std::function<void()> before_giving_up_;
  std::function<void(std::int64_t)> show_;
  std::unique_ptr<News> news_;
};

// Before the first call of processes(): the hang-after that holds from the start on.
void set_hang_after_at_start(double seconds);

// Those of this program; opened at the first call. A mistake where the launcher's variables are there and MPI cannot be opened.
[[nodiscard]] Processes& processes();

}  // namespace kelvin
