// Runs a list of commands, several at a time, together with other processes that were given the same list.
//
// Each job has a lock file: whoever takes it runs the job, everybody else goes on to the next and looks again later. The lock belongs
// to the child that does the work, so it is free as soon as the child is gone – finished, failed or killed. Children die with
// the process that started them.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace kelvin {

struct Job {
  std::string name;
  std::vector<std::string> command;  // program and arguments
  std::filesystem::path lock, log;   // the log is appended to
  std::function<bool()> is_done;     // asked under the lock: whether somebody has done it already
  std::function<void()> prepare;     // called under the lock, before the command starts
};

struct JobEvent {
  enum class Kind { started, finished, found_done, failed } kind = Kind::started;
  std::size_t job = 0;
  std::string error = {};  // of a failed one: the last line of its log, or the signal that ended it
  int code = 0;            // its exit code
};

// Returns when every job is done or has failed here. `idle` is called a few times a second with the jobs that run now.
void run_jobs(const std::vector<Job>& jobs, int workers, const std::function<void(const JobEvent&)>& on_event,
              const std::function<void(const std::vector<std::size_t>& running)>& idle);

// The last line of a file that holds something; empty when there is none.
[[nodiscard]] std::string last_line(const std::filesystem::path& path);

}  // namespace kelvin
