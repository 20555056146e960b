#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "kernels/processes/deadline.h"
#include "kernels/processes/news.h"

namespace kelvin {
namespace {

constexpr auto kFailureRound = std::chrono::seconds(2), kEndGrace = std::chrono::seconds(5);

std::optional<std::string> spoken(const std::string& line) { return line.empty() ? std::nullopt : std::optional(line); }

}  // namespace

std::optional<std::string> Processes::line_of_failure(const std::string& message, ExitCode code) {
  if (!are_many()) return message;
  News& n = *news_;
  n.is_failed = true;
  if (n.is_lost) {
    if (message.empty()) std::this_thread::sleep_for(kFailureRound);  // until the rank that speaks has done so
    return spoken(message);
  }
  const int number = static_cast<int>(code);
  const auto bytes_of_code = std::as_bytes(std::span(&number, 1)), text = std::as_bytes(std::span(message));
  Bytes bytes(bytes_of_code.begin(), bytes_of_code.end());
  bytes.insert(bytes.end(), text.begin(), text.end());
  for (int r = 0; r < size(); ++r)
    if (r != rank()) post(kFailure, r, bytes);
  n.failures[static_cast<std::size_t>(rank())] = News::Failure{number, message};
  const auto has_failed = [](const auto& failure) { return failure.has_value(); };
  const auto round =
      message.empty() ? 2 * kFailureRound : kFailureRound;  // the rank that has something to say comes first
  for (const Clock::time_point since = Clock::now();
       Clock::now() - since < round && !std::ranges::all_of(n.failures, has_failed);) {
    take_news();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const bool is_everywhere = std::ranges::all_of(n.failures, [&](const auto& f) { return f && f->message == message; });
  for (int r = 0; r < rank(); ++r)
    if (const auto& f = n.failures[static_cast<std::size_t>(r)]; f && f->message == message) return std::nullopt;
  return spoken(is_everywhere || message.empty() ? message : str(name(), ": ", message));
}

int Processes::end(int code) {
  if (!are_many()) return code;
  News& n = *news_;
  const bool are_all_here = std::ranges::all_of(n.failures, [](const auto& failure) { return failure.has_value(); });
  if (n.is_failed && !are_all_here) {
    // The library's own end may hang where a machine is lost.
    std::thread([code] {
      std::this_thread::sleep_for(kEndGrace);
      _exit(code);
    }).detach();
    t_.abort(code);
    _exit(code);
  }
  const Deadline deadline(kWarmUpPatience * hang_after_, "the end of the run has not come");
  while (!n.posted.empty()) take_news();
  t_.finish();
  return code;
}

}  // namespace kelvin
