// Starts other programs, from argument vectors: no shell reads them, so no text can become a command.
//
//   ChildProcess curl({.arguments = {"curl", "--output", file, "--", url}});
//   if (curl.wait() != 0) ...
//
// A child reads nothing (standard input is /dev/null), inherits no descriptors but those named here, and ends with this program, even if that is
// killed (PR_SET_PDEATHSIG; strictly: it ends with the thread that started it). Put text from outside behind "--" or write --flag=value, so that
// it cannot become a flag either. The variables of an MPI launcher do not reach it, because it is no rank of this program's run.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/descriptor.h"

namespace kelvin {

struct ChildCommand {
  static constexpr int kNowhere = -1;

  std::vector<std::string> arguments;         // the program (a path, or a name on PATH) and its arguments
  int output = STDOUT_FILENO;                 // descriptors that its standard output and error become
  int errors = STDERR_FILENO;                 //
  bool is_captured = false;                   // ChildProcess::read gets its standard output instead
  int kept = kNowhere;                        // stays open in the child, such as a lock that is held until it ends
  std::vector<std::string> environment = {};  // NAME=VALUE, replaces this program's values
};

class ChildProcess {
 public:
  // A mistake where there is no such program; Error with ExitCode::out_of_memory where the system cannot start one more process.
  explicit ChildProcess(const ChildCommand& command);
  ~ChildProcess();  // one that still runs is killed
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  // Its next output: how many bytes were read, 0 at the end.
  [[nodiscard]] std::size_t read(std::span<char> buffer);
  // Its exit code, 128 + N when signal N ended it. `ended` returns at once, `wait` waits.
  [[nodiscard]] std::optional<int> ended();
  [[nodiscard]] int wait();

 private:
  pid_t id_ = -1;      // -1: ended and waited for
  Descriptor output_;  // the end to read from
  int code_ = 0;
};

struct CapturedRun {
  int code = 0;
  std::string output;  // at most a megabyte of it is kept
};
// Runs a command to its end; is_captured is set.
[[nodiscard]] CapturedRun run_captured(ChildCommand command);

// This program's own file.
[[nodiscard]] std::string own_program();

}  // namespace kelvin
