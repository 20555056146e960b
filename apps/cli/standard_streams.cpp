#include "apps/cli/standard_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "engine/printable.h"
#include "kernels/device/error.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

int failure_of_stdout = 0;  // errno of the first write that failed

// A handler instead of SIG_IGN, because child processes do not inherit handlers.
void only_fail(int /*signal*/) {}

void handle(int signal) {
  struct sigaction action {};
  action.sa_handler = only_fail;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

void wait_until_writable(int descriptor) {
  pollfd one{descriptor, POLLOUT, 0};
  poll(&one, 1, -1);
}

bool has_lost_its_reader(int descriptor) {
  pollfd one{descriptor, POLLOUT, 0};
  return poll(&one, 1, 0) == 1 && (one.revents & POLLERR) != 0;
}

}  // namespace

void prepare_standard_streams() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor)
    if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", O_RDWR) != descriptor) _exit(1);  // the lowest free number
  handle(SIGPIPE);
  handle(SIGXFSZ);
}

void print(std::string_view text) {
  if (!processes().is_first()) return;
  while (!text.empty() && failure_of_stdout == 0) {
    const ssize_t n = write(STDOUT_FILENO, text.data(), text.size());
    if (n >= 0)
      text.remove_prefix(static_cast<std::size_t>(n));
    else if (errno == EAGAIN)  // the descriptor is non-blocking
      wait_until_writable(STDOUT_FILENO);
    else if (errno != EINTR)
      failure_of_stdout = errno;
  }
}

void print_note(std::string_view line) {
  if (processes().is_first()) print_error(line);
}

void print_error(std::string_view line) { std::fprintf(stderr, "%s\n", printable(line).c_str()); }

void end_quietly() {
  signal(SIGPIPE, SIG_DFL);
  raise(SIGPIPE);
  _exit(128 + SIGPIPE);  // if the signal is blocked
}

int close_standard_streams(int code) {
  if (code != static_cast<int>(ExitCode::done)) return code;
  if (failure_of_stdout == EPIPE) end_quietly();
  if (failure_of_stdout == 0 && close(STDOUT_FILENO) != 0 && errno != EINTR)
    failure_of_stdout = errno;  // NFS reports write errors late
  if (failure_of_stdout != 0)
    std::fprintf(stderr, "kelvin: standard output cannot be written: %s\n", std::strerror(failure_of_stdout));
  const bool has_lost_lines = std::ferror(stderr) != 0 && !has_lost_its_reader(STDERR_FILENO);
  return static_cast<int>(failure_of_stdout != 0 || has_lost_lines ? ExitCode::internal : ExitCode::done);
}

}  // namespace kelvin
