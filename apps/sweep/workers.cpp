#include "apps/sweep/workers.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "apps/run/run_lock.h"
#include "engine/child_process.h"
#include "engine/descriptor.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(100);
class Pool {
 public:
  Pool(const std::vector<Job>& jobs, int workers, const std::function<void(const JobEvent&)>& on_event)
      : jobs_(jobs), workers_(workers), on_event_(on_event), states_(jobs.size(), State::waiting) {}

  // One look at everything; false when nothing is left to do.
  bool turn() {
    reap();
    for (std::size_t i = 0; i < jobs_.size() && running_.size() < static_cast<std::size_t>(workers_); ++i)
      if (states_[i] == State::waiting) try_start(i);
    for (const State s : states_)
      if (s != State::over) return true;
    return false;
  }
  [[nodiscard]] std::vector<std::size_t> running() const {
    std::vector<std::size_t> jobs;
    for (const auto& [child, job] : running_) jobs.push_back(job);
    return jobs;
  }

 private:
  enum class State { waiting, running, over };

  void try_start(std::size_t i) {
    const Job& job = jobs_[i];
    const std::optional<FileLock> lock = FileLock::try_take(job.lock);
    if (!lock) return;  // somebody else is at it
    if (job.is_done()) {
      states_[i] = State::over;
      on_event_({JobEvent::Kind::found_done, i, ""});
      return;
    }
    job.prepare();
    const Descriptor log(open(job.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!log) throw mistake(job.log.string(), ": cannot be written");
    const ChildCommand command{
        .arguments = job.command, .output = log.get(), .errors = log.get(), .kept = lock->descriptor()};
    running_.emplace_back(ChildProcess(command), i);
    states_[i] = State::running;
    on_event_({JobEvent::Kind::started, i, ""});
  }

  void reap() {
    for (auto at = running_.begin(); at != running_.end();) {
      const std::optional<int> code = at->first.ended();
      if (!code) {
        ++at;
        continue;
      }
      const std::size_t i = at->second;
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
  int workers_;
  const std::function<void(const JobEvent&)>& on_event_;
  std::vector<State> states_;
  std::vector<std::pair<ChildProcess, std::size_t>> running_;
};

}  // namespace

void run_jobs(const std::vector<Job>& jobs, int workers, const std::function<void(const JobEvent&)>& on_event,
              const std::function<void(const std::vector<std::size_t>&)>& idle) {
  Pool pool(jobs, workers, on_event);
  while (pool.turn()) {
    if (idle) idle(pool.running());
    std::this_thread::sleep_for(kPoll);
  }
}

std::string last_line(const std::filesystem::path& path) {
  constexpr std::streamoff kTail = 4096;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = in.tellg();
  if (!in || size <= 0) return {};
  in.seekg(size > kTail ? size - kTail : 0);
  std::string last;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) last = line;
  return last;
}

}  // namespace kelvin
