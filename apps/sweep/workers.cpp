#include "apps/sweep/workers.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "apps/sweep/lock.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(100);
constexpr int kNotStarted = 127;

// Starts the command; `lock` stays open in the child, `log` takes its output (-1: this process's).
pid_t start(const std::vector<std::string>& command, int lock, int log) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw internal_error("fork failed for ", command.front());
  if (child > 0) return child;
  // Only calls that are safe between fork and exec from here on.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kNotStarted);
  if (lock >= 0) fcntl(lock, F_SETFD, 0);
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0) dup2(nothing, STDIN_FILENO);
  if (log >= 0) {
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
  }
  execv(arguments.front(), arguments.data());
  _exit(kNotStarted);
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

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
    for (const auto& [pid, job] : running_) jobs.push_back(job);
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
    const int log = open(job.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log < 0) throw mistake(job.log.string(), ": cannot be written");
    running_.emplace_back(start(job.command, lock->descriptor(), log), i);
    close(log);
    states_[i] = State::running;
    on_event_({JobEvent::Kind::started, i, ""});
  }

  void reap() {
    for (auto at = running_.begin(); at != running_.end();) {
      int status = 0;
      if (waitpid(at->first, &status, WNOHANG) != at->first) {
        ++at;
        continue;
      }
      const std::size_t i = at->second;
      at = running_.erase(at);
      states_[i] = State::over;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        on_event_({JobEvent::Kind::finished, i, ""});
      else
        on_event_({JobEvent::Kind::failed, i, error_of(i, status)});
    }
  }

  [[nodiscard]] std::string error_of(std::size_t i, int status) const {
    if (WIFSIGNALED(status)) return str("ended by signal ", WTERMSIG(status));
    const std::string line = last_line(jobs_[i].log);
    return line.empty() ? str("exit code ", WEXITSTATUS(status)) : line;
  }

  const std::vector<Job>& jobs_;
  int workers_;
  const std::function<void(const JobEvent&)>& on_event_;
  std::vector<State> states_;
  std::vector<std::pair<pid_t, std::size_t>> running_;
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

int run_command(const std::vector<std::string>& command) {
  const pid_t child = start(command, -1, -1);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return code_of(status);
}

std::string own_program() {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw internal_error("/proc/self/exe cannot be read: ", error.message());
  return path.string();
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
