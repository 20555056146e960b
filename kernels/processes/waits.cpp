#include <sched.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "kernels/device/listed.h"
#include "kernels/processes/news.h"

namespace kelvin {
namespace {

constexpr int kWarmUpWaits = 30;  // of a run: ten before the first step, then the first steps, in which plans are made
constexpr double kWorkPatience = 4;  // times the longest piece of work so far
constexpr auto kStep = std::chrono::milliseconds(5);
constexpr auto kSpin = std::chrono::microseconds(200);
constexpr auto kNewsInterval = std::chrono::milliseconds(20);
constexpr double kTellWaiting = 1;      // seconds between two messages that this rank waits,
constexpr double kTellsInPatience = 4;  // or so many while the others have patience
constexpr double kOutsidePatience = 2;  // times that for a rank, if all live and the work outside does not end

// Between two looks at what is waited for.
void rest(std::chrono::steady_clock::duration waited) {
  if (waited > kSpin)
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  else
    sched_yield();
}

// Whether this process itself stood still since it looked last: a batch system has stopped all ranks for a while, or the machine slept. Then
// what the others have sent meanwhile has still to come.
bool stood_still(std::chrono::steady_clock::duration since_looked) { return since_looked > std::chrono::seconds(1); }

double seconds(std::chrono::steady_clock::duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

void Processes::exchange(std::vector<Message>& messages, const std::string& where) {
  std::vector<Message> begun;
  for (const Message& m : messages)  // in pieces that a transport can carry
    for (std::size_t at = 0; at < m.bytes.size(); at += kLargestMessage)
      begun.push_back(
          {m.is_sent, m.peer, m.bytes.subspan(at, std::min<std::size_t>(kLargestMessage, m.bytes.size() - at))});
  for (const bool is_sent : {false, true})  // the receives first, so that what comes has its place
    for (Message& m : begun)
      if (m.is_sent == is_sent)
        m.request = is_sent ? t_.send(m.bytes.data(), static_cast<std::int64_t>(m.bytes.size()), m.peer, kData)
                            : t_.receive(m.bytes.data(), static_cast<std::int64_t>(m.bytes.size()), m.peer, kData);
  wait(begun, where);
}

void Processes::wait(std::vector<Message>& messages, const std::string& where) {
  Clock::time_point since = Clock::now();
  longest_work_ = std::max(longest_work_, seconds(since - last_event_));
  double silence = 0;  // of those that answered in the end
  while (true) {
    std::erase_if(messages, [&](const Message& m) {
      const int state = t_.progress(m.request);
      if (state < 0)
        give_up<Lost>(ExitCode::internal, str("the connection to rank ", m.peer, " on ",
                                              hosts_[static_cast<std::size_t>(m.peer)], " broke during ", where));
      if (state > 0 && !m.is_sent) news_->seen[static_cast<std::size_t>(m.peer)] = Clock::now();
      return state > 0;
    });
    if (messages.empty()) break;
    const Clock::time_point now = Clock::now();
    if (now - news_->looked > kNewsInterval) {
      if (stood_still(now - news_->looked)) since = now;
      take_news();
      tell_waiting(since, true);
      silence = std::max(silence, require_in_time(messages, since, where));
      if (show_) show_(done_by_all());
    }
    rest(now - since);
  }
  ++waits_;
  news_->working_since.reset();
  longest_work_ = std::max(longest_work_, silence);
  last_event_ = Clock::now();
}

void Processes::wait_for(const std::function<bool()>& is_done, const std::string& where) {
  if (is_done()) return;
  Clock::time_point since = Clock::now();
  longest_work_ = std::max(longest_work_, seconds(since - last_event_));
  while (!is_done()) {
    const Clock::time_point now = Clock::now();
    if (are_many() && now - news_->looked > kNewsInterval) {
      if (stood_still(now - news_->looked)) since = now;
      take_news();
      tell_waiting(since, false);
      require_life(since, where);
      const double longest = kOutsidePatience * std::max(patience(), kWorkPatience * longest_outside_);
      if (seconds(now - since) > longest)
        give_up<Lost>(ExitCode::internal, str(where, " has not ended for ", static_cast<long>(longest),
                                              " s though all ranks answer: a GPU or the network between GPUs is lost, "
                                              "or the ranks do not do the same; all ranks end"));
    }
    rest(now - since);
  }
  last_event_ = Clock::now();
  if (last_event_ - since > kStep) ++waits_;  // shorter ones are of a single kernel
  longest_outside_ = std::max(longest_outside_, seconds(last_event_ - since));
}

// Throws if another rank has said neither that it works nor that it waits for too long.
void Processes::require_life(Clock::time_point since, const std::string& where) {
  std::vector<int> silent;
  for (int r = 0; r < size(); ++r) {
    const auto at = static_cast<std::size_t>(r);
    if (r != rank() && seconds(Clock::now() - std::max({since, news_->seen[at], news_->waiting[at]})) > patience())
      silent.push_back(r);
  }
  if (!silent.empty()) give_up_on(silent, where);
}

void Processes::tell_waiting(Clock::time_point since, bool waits_for_message) {
  News& n = *news_;
  const double interval = std::min(kTellWaiting, hang_after_ / kTellsInPatience);
  if (seconds(n.looked - std::max(since, n.told_waiting)) < interval) return;
  n.told_waiting = n.looked;
  const auto kind = static_cast<std::byte>(waits_for_message);
  for (int r = 0; r < size(); ++r)
    if (r != rank()) post(kWaiting, r, std::span(&kind, 1));
}

double Processes::patience() const {
  return std::max(hang_after_ * (waits_ < kWarmUpWaits ? kWarmUpPatience : 1), kWorkPatience * longest_work_);
}

template <class E>
void Processes::give_up(ExitCode code, const std::string& message) {
  if (const auto end_work = std::exchange(before_giving_up_, nullptr)) end_work();
  throw E(code, message);
}

// Throws if a rank that `messages` wait for has been silent for too long, or if all only wait. Returns the longest silence, in seconds.
double Processes::require_in_time(const std::vector<Message>& messages, Clock::time_point since,
                                  const std::string& where) {
  const Clock::time_point now = Clock::now();
  double longest = 0;
  std::vector<int> silent;
  Clock::time_point worked = since;
  for (const Message& m : messages) {
    const auto at = static_cast<std::size_t>(m.peer);
    const double silence = seconds(now - std::max({since, news_->seen[at], news_->waiting[at]}));
    longest = std::max(longest, silence);
    worked = std::max(worked, news_->seen[at]);
    if (silence > patience() && std::ranges::find(silent, m.peer) == silent.end()) silent.push_back(m.peer);
  }
  if (!silent.empty()) give_up_on(silent, where);
  if (seconds(now - worked) > kOutsidePatience * patience())
    give_up<Lost>(ExitCode::internal, str("all ranks wait for each other in ", where, "; all end"));
  return longest;
}

void Processes::give_up_on(std::vector<int> silent, const std::string& where) {
  std::ranges::sort(silent);
  int speaker = 0;  // the first rank that answers
  while (std::ranges::find(silent, speaker) != silent.end()) ++speaker;
  news_->is_lost = true;
  const std::string text =
      str(listed(silent, [&](int r) { return str("rank ", r, " on ", hosts_[static_cast<std::size_t>(r)]); }),
          silent.size() == 1 ? " has" : " have", " not answered for ", static_cast<long>(patience()), " s in ", where,
          ": stopped, hung or cut off from the network; all ranks end");
  if (speaker == rank()) give_up<Lost>(ExitCode::internal, text);
  give_up<EndedByOther>(ExitCode::internal, text);
}

void Processes::post(int tag, int to, std::span<const std::byte> bytes) {
  News::Posted& p = news_->posted.emplace_back(News::Posted{Bytes(bytes.begin(), bytes.end()), nullptr});
  p.request = t_.send(p.bytes.data(), static_cast<std::int64_t>(p.bytes.size()), to, tag);
}

Bytes Processes::receive_waiting(int tag, int from, std::int64_t size) {
  Bytes bytes(static_cast<std::size_t>(size));
  void* const request = t_.receive(bytes.data(), size, from, tag);
  while (t_.progress(request) == 0) {  // it is there already
  }
  return bytes;
}

void Processes::take_news() {
  News& n = *news_;
  n.looked = Clock::now();
  std::erase_if(n.posted, [&](const News::Posted& p) { return t_.progress(p.request) != 0; });
  std::int64_t size = 0;
  for (int from = 0; (from = t_.waiting(kProgress, &size)) >= 0;) {
    const Bytes bytes = receive_waiting(kProgress, from, size);
    const auto at = static_cast<std::size_t>(from);
    std::memcpy(&n.done[at], bytes.data(), sizeof n.done[at]);
    n.seen[at] = n.looked;
  }
  for (int from = 0; (from = t_.waiting(kWaiting, &size)) >= 0;) {
    const bool waits_for_message = receive_waiting(kWaiting, from, size).front() != std::byte{};
    (waits_for_message ? n.waiting : n.seen)[static_cast<std::size_t>(from)] = n.looked;
  }
  for (int from = 0; (from = t_.waiting(kFailure, &size)) >= 0;) {
    const Bytes bytes = receive_waiting(kFailure, from, size);
    News::Failure& failure = n.failures[static_cast<std::size_t>(from)].emplace();
    std::memcpy(&failure.code, bytes.data(), sizeof failure.code);
    failure.message.assign(reinterpret_cast<const char*>(bytes.data()) + sizeof failure.code,
                           bytes.size() - sizeof failure.code);
  }
  if (n.is_failed) return;
  for (const auto& failure : n.failures)
    if (failure) give_up<EndedByOther>(static_cast<ExitCode>(failure->code), failure->message);
}

}  // namespace kelvin
