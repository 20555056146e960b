#include "tests/faults/trial.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <sstream>

namespace kelvin::testing {
namespace {

using Clock = std::chrono::steady_clock;

void limit(int resource, std::uint64_t value) {
  if (value == 0) return;
  const rlimit both{value, value};
  setrlimit(static_cast<__rlimit_resource>(resource), &both);
}

// In the child: replaces `descriptor`.
void place(int given, int captured, int descriptor) {
  if (given == kClosed)
    close(descriptor);
  else
    dup2(given == kCaptured ? captured : given, descriptor);
}

std::size_t started = 0;

void drain(int& descriptor, std::string& into) {
  char buffer[4096];
  ssize_t n = 0;
  while (descriptor >= 0 && (n = read(descriptor, buffer, sizeof buffer)) > 0)
    into.append(buffer, static_cast<std::size_t>(n));
  if (descriptor >= 0 && n == 0) {  // no process holds the other end any more
    close(descriptor);
    descriptor = -1;
  }
}

}  // namespace

std::string text_of(const Ending& e) {
  std::ostringstream text;
  if (e.hung)
    text << "hung";
  else if (e.signal != 0)
    text << "signal " << e.signal;
  else
    text << "exit " << e.code;
  text << ", standard error: \"" << e.err << "\"";
  return text.str();
}

Arguments words(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

Trial::Trial(const std::filesystem::path& folder, const Arguments& arguments, const Setting& setting)
    : limits_(setting.limits) {
  const std::string program = setting.program.empty() ? KELVIN_PROGRAM : setting.program;
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  int out[2] = {-1, -1}, err[2] = {-1, -1};
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  ++started;
  const pid_t test = getpid();
  child_ = fork();
  if (child_ < 0) throw std::runtime_error("no process");
  if (child_ == 0) {
    setpgid(0, 0);
    if (getppid() != test || chdir(folder.c_str()) != 0) _exit(126);
    for (const auto& [name, value] : setting.environment) setenv(name.c_str(), value.c_str(), 1);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, setting.limits.file_size > 0 ? SIG_IGN : SIG_DFL);
    limit(RLIMIT_AS, setting.limits.address_space);
    limit(RLIMIT_FSIZE, setting.limits.file_size);
    if (const unsigned user = setting.limits.user; user != 0)
      if (setgroups(0, nullptr) != 0 || setgid(user) != 0 || setuid(user) != 0) _exit(126);
    limit(RLIMIT_NPROC, setting.limits.processes);
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // behind setuid, which forgets it
    place(setting.streams.in, open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
    place(setting.streams.out, out[1], 1);
    place(setting.streams.err, err[1], 2);
    execv(program.c_str(), argv.data());
    _exit(126);
  }
  setpgid(child_, child_);  // parent and child both do it, because either may run first
  close(out[1]);
  close(err[1]);
  out_ = out[0];
  err_ = err[0];
  for (const int descriptor : {out_, err_}) fcntl(descriptor, F_SETFL, O_NONBLOCK);
}

Trial::~Trial() {
  if (!is_over_) {
    kill();
    reap(0);
  }
  for (const int descriptor : {out_, err_})
    if (descriptor >= 0) close(descriptor);
}

void Trial::read_available() {
  drain(out_, ending_.out);
  drain(err_, ending_.err);
}

void Trial::reap(int options) {
  int status = 0;
  rusage usage{};
  if (is_over_ || wait4(child_, &status, options, &usage) != child_) return;
  is_over_ = true;
  ending_.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  ending_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  ending_.peak_bytes = std::int64_t{usage.ru_maxrss} * 1024;
}

bool Trial::is_running() {
  reap(WNOHANG);
  return !is_over_;
}

void Trial::kill() const {
  if (!is_over_) ::kill(-child_, SIGKILL);
}

Ending Trial::wait() {
  const auto end = Clock::now() + std::chrono::duration<double>(limits_.seconds);
  while (is_running()) {
    if (Clock::now() > end) {
      kill();
      reap(0);
      ending_.hung = true;
      break;
    }
    pollfd waiting[2] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    poll(waiting, 2, 1);
    read_available();
    if (out_ < 0 && err_ < 0) usleep(500);
  }
  read_available();
  ::kill(-child_, SIGKILL);  // what it may have left behind in its group
  return ending_;
}

std::size_t trials_started() { return started; }

Ending run_trial(const std::filesystem::path& folder, const Arguments& arguments, const Setting& setting) {
  return Trial(folder, arguments, setting).wait();
}

void expect_contract(const Ending& ending, const std::vector<int>& codes, const std::string& what, bool allows_notes) {
  if (ending.hung || ending.signal != 0 || std::ranges::find(codes, ending.code) == codes.end()) {
    ADD_FAILURE() << what << ": " << text_of(ending);
    return;
  }
  if (ending.code != 2) return;
  const auto lines = std::ranges::count(ending.err, '\n');
  const std::size_t last = ending.err.rfind("kelvin: ");
  EXPECT_TRUE(allows_notes ? lines >= 1 : lines == 1) << what << ": " << text_of(ending);
  EXPECT_TRUE(last != std::string::npos && (last == 0 || ending.err[last - 1] == '\n') &&
              std::ranges::count(ending.err.substr(last), '\n') == 1)
      << what << ": " << text_of(ending);
}

bool is_long() {
  const char* const form = std::getenv("KELVIN_FAULTS");
  return form != nullptr && std::string(form) == "long";
}

std::vector<std::size_t> chosen(std::size_t count, std::size_t few) {
  const std::size_t n = is_long() ? count : std::min(count, few);
  std::vector<std::size_t> numbers;
  for (std::size_t i = 1; i <= n; ++i) numbers.push_back(i * count / n - 1);
  return numbers;
}

}  // namespace kelvin::testing
