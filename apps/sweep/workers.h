// Runs a list of commands, several at a time, together with other processes that have the same list.
//
// Each job has a lock file. The process that takes the lock runs the job; other processes continue with the next job and check this one again
// later. The lock belongs to the child process that does the work, so it is free as soon as the child ends, for any reason. Children are
// killed when the process that started them ends.
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
  std::function<bool()> is_done;     // called under the lock: whether the job has already been done
  std::function<void()> prepare;     // called under the lock, before the command starts
};

struct Worker {
  std::vector<std::string> environment = {};  // NAME=VALUE, for the commands that it runs
};

struct JobEvent {
  enum class Kind { started, finished, found_done, failed } kind = Kind::started;
  std::size_t job = 0;
  std::string error = {};  // of a failed job: the last line of its log, or the signal that ended it
  int code = 0;            // its exit code
};

// Returns when every job is done or has failed here. A job goes to the first worker that is free. `idle` is called a few times a second with the
// running jobs.
void run_jobs(const std::vector<Job>& jobs, const std::vector<Worker>& workers,
              const std::function<void(const JobEvent&)>& on_event,
              const std::function<void(const std::vector<std::size_t>& running)>& idle);

// The last non-empty line of a file; empty if there is none.
[[nodiscard]] std::string last_line(const std::filesystem::path& path);

}  // namespace kelvin
