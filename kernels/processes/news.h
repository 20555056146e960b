// Inside of Processes: a message that is on its way, and what comes without being asked for.
#pragma once

#include "kernels/processes/processes.h"

namespace kelvin {

enum MessageTag : int { kData = 1, kProgress, kFailure, kWaiting };

struct Processes::Message {
  bool is_sent = false;
  int peer = 0;
  std::span<std::byte> bytes;
  void* request = nullptr;
};

// What comes without being asked for, and what this rank has sent so and must keep until it has gone.
struct Processes::News {
  explicit News(int size)
      : seen(static_cast<std::size_t>(size), Clock::now()), waiting(seen), done(seen.size()), failures(seen.size()) {}

  struct Posted {
    Bytes bytes;
    void* request;
  };
  struct Failure {
    int code = 0;
    std::string message;
  };
  std::vector<Clock::time_point> seen;     // when each rank was last heard of, except
  std::vector<Clock::time_point> waiting;  // that it waits for a message
  std::vector<std::int64_t> done;
  std::vector<std::optional<Failure>> failures;
  std::vector<Posted> posted;
  Clock::time_point looked = Clock::now(), told = {}, told_waiting = looked;  // last looked for news, last told own
  std::optional<Clock::time_point> working_since;  // the first progress that this rank told after its last wait
  bool is_failed = false, is_lost = false;
};

}  // namespace kelvin
