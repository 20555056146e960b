#include "apps/sweep/workers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "apps/run/run_lock.h"
#include "engine/child_process.h"
#include "engine/descriptor.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(100);

// Refuses links: the folder may come from another user, and nothing outside it may be written.
Descriptor open_log(const std::filesystem::path& path) {
  Descriptor log(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
  const int error = errno;
  struct stat status {};
  if (log && fstat(log.get(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1) return log;
  if (!log && error != ELOOP && error != ENXIO)
    throw mistake(path.string(), ": cannot be written: ", std::strerror(error));
  throw mistake(path.string(), ": is a link or a device, not a log of this sweep; remove it");
}

class Pool {
 public:
  Pool(const std::vector<Job>& jobs, const std::vector<Worker>& workers,
       const std::function<void(const JobEvent&)>& on_event)
      : jobs_(jobs), workers_(workers), on_event_(on_event), states_(jobs.size(), State::waiting) {}

  // Checks all jobs once; false if nothing is left to do.
  bool turn() {
    reap();
    for (std::size_t i = 0; i < jobs_.size() && running_.size() < workers_.size(); ++i)
      if (states_[i] == State::waiting) try_start(i);
    for (const State s : states_)
      if (s != State::over) return true;
    return false;
  }
  [[nodiscard]] std::vector<std::size_t> running() const {
    std::vector<std::size_t> jobs;
    for (const Running& r : running_) jobs.push_back(r.job);
    return jobs;
  }

 private:
  enum class State { waiting, running, over };
  struct Running {
    ChildProcess child;
    std::size_t job, worker;
  };

  [[nodiscard]] std::size_t free_worker() const {
    std::size_t worker = 0;
    while (std::ranges::find(running_, worker, &Running::worker) != running_.end()) ++worker;
    return worker;
  }

  void try_start(std::size_t i) {
    const Job& job = jobs_[i];
    const std::optional<FileLock> lock = FileLock::try_take(job.lock);
    if (!lock) return;  // another process runs it
    if (job.is_done()) {
      states_[i] = State::over;
      on_event_({JobEvent::Kind::found_done, i, ""});
      return;
    }
    job.prepare();
    const Descriptor log = open_log(job.log);
    const std::size_t worker = free_worker();
    const ChildCommand command{.arguments = job.command,
                               .output = log.get(),
                               .errors = log.get(),
                               .kept = lock->descriptor(),
                               .environment = workers_[worker].environment};
    running_.push_back({ChildProcess(command), i, worker});
    states_[i] = State::running;
    on_event_({JobEvent::Kind::started, i, ""});
  }

  void reap() {
    for (auto at = running_.begin(); at != running_.end();) {
      const std::optional<int> code = at->child.ended();
      if (!code) {
        ++at;
        continue;
      }
      const std::size_t i = at->job;
      at = running_.erase(at);
      states_[i] = State::over;
      if (*code == 0)
        on_event_({JobEvent::Kind::finished, i, ""});
      else
        on_event_({JobEvent::Kind::failed, i, error_of(i, *code), *code});
    }
  }

  [[nodiscard]] std::string error_of(std::size_t i, int code) const {
    if (code > 128) return str("ended by signal ", code - 128);
    const std::string line = last_line(jobs_[i].log);
    return line.empty() ? str("exit code ", code) : line;
  }

  const std::vector<Job>& jobs_;
  const std::vector<Worker>& workers_;
  const std::function<void(const JobEvent&)>& on_event_;
  std::vector<State> states_;
  std::vector<Running> running_;
};

}  // namespace

void run_jobs(const std::vector<Job>& jobs, const std::vector<Worker>& workers,
              const std::function<void(const JobEvent&)>& on_event,
              const std::function<void(const std::vector<std::size_t>&)>& idle) {
  Pool pool(jobs, workers, on_event);
  while (pool.turn()) {
    if (idle) idle(pool.running());
    std::this_thread::sleep_for(kPoll);
  }
}

std::string last_line(const std::filesystem::path& path) try {
  constexpr std::uint64_t kTail = 4096;
  const InputFile file(path);
  std::string tail(std::min(file.size(), kTail), '\0');
  file.read_at(file.size() - tail.size(), std::as_writable_bytes(std::span(tail)));
  const std::vector<std::string> lines = nonempty_parts_of(tail, '\n');
  return lines.empty() ? "" : lines.back();
} catch (const Error&) {  // no log yet, or one that cannot be read
  return {};
}

}  // namespace kelvin
