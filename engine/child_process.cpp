#include "engine/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "kernels/device/error.h"
#include "kernels/device/listed.h"
#include "kernels/processes/launcher.h"

namespace kelvin {
namespace {

constexpr int kNotStarted = 127;
constexpr std::size_t kMostKept = std::size_t{1} << 20;

// A name without a slash is looked for on PATH, in its absolute folders.
std::string program_file(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* const path = std::getenv("PATH");
  for (const std::string& folder : parts_of(path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin", ':'))
    if (const std::string file = folder + "/" + program; folder.starts_with('/') && access(file.c_str(), X_OK) == 0)
      return file;
  throw mistake("the program ", program, " is not installed: it is not on PATH");
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// This program's environment with `changes`, each NAME=VALUE, laid over it.
std::vector<std::string> environment_with(const std::vector<std::string>& changes) {
  std::vector<std::string> all = changes;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry, name = text.substr(0, text.find('=') + 1);
    bool is_changed = is_of_a_launcher(name);  // a child is no rank
    for (const std::string& change : changes) is_changed = is_changed || change.starts_with(name);
    if (!is_changed) all.push_back(text);
  }
  return all;
}

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw internal_error("no pipe: ", std::strerror(errno));
    reader = Descriptor(ends[0]);
    writer = Descriptor(ends[1]);
  }
  Descriptor reader, writer;
};

ssize_t read_some(int descriptor, void* to, std::size_t size) {
  ssize_t n = 0;
  while ((n = ::read(descriptor, to, size)) < 0 && errno == EINTR) {
  }
  return n;
}

// What the child does between fork and exec: only calls that are safe there. `report` takes the error of a failed exec.
[[noreturn]] void become(const char* file, char* const* arguments, char* const* environment,
                         const ChildCommand& command, pid_t parent, int report) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kNotStarted);
  signal(SIGPIPE, SIG_DFL);
  const int nothing = open("/dev/null", O_RDWR);
  dup2(nothing, STDIN_FILENO);
  dup2(command.output == ChildCommand::kNowhere ? nothing : command.output, STDOUT_FILENO);
  dup2(command.errors == ChildCommand::kNowhere ? nothing : command.errors, STDERR_FILENO);
  close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
  if (command.kept >= 0) fcntl(command.kept, F_SETFD, 0);
  execve(file, arguments, environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(report, &error, sizeof error);
  _exit(kNotStarted);
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

ChildProcess::ChildProcess(const ChildCommand& command) {
  KELVIN_CHECK(!command.arguments.empty(), "a command without a program");
  const std::string file = program_file(command.arguments.front());
  std::vector<std::string> texts = command.arguments, environment = environment_with(command.environment);
  const std::vector<char*> arguments = pointers(texts), variables = pointers(environment);
  Pipe started;  // closed by exec; a failed one writes its error
  std::optional<Pipe> output;
  ChildCommand placed = command;
  if (command.is_captured) {
    output.emplace();
    placed.output = output->writer.get();
  }
  const pid_t parent = getpid();
  id_ = fork();
  if (id_ == 0) become(file.c_str(), arguments.data(), variables.data(), placed, parent, started.writer.get());
  if (id_ < 0)
    throw Error(ExitCode::out_of_memory, str("no process can be started for ", command.arguments.front(), ": ",
                                             std::strerror(errno), "; close other programs or raise `ulimit -u`"));
  started.writer = Descriptor();
  int error = 0;
  if (read_some(started.reader.get(), &error, sizeof error) > 0) {
    (void)wait();
    throw mistake(file, ": cannot be started: ", std::strerror(error));
  }
  if (output) output_ = std::move(output->reader);
}

ChildProcess::~ChildProcess() {
  if (id_ < 0) return;
  kill(id_, SIGKILL);
  (void)wait();
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : id_(std::exchange(other.id_, -1)), output_(std::move(other.output_)), code_(other.code_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(output_, other.output_);
  std::swap(code_, other.code_);
  return *this;
}

std::size_t ChildProcess::read(std::span<char> buffer) {
  const ssize_t n = read_some(output_.get(), buffer.data(), buffer.size());
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

std::optional<int> ChildProcess::ended() {
  if (id_ < 0) return code_;
  int status = 0;
  if (waitpid(id_, &status, WNOHANG) != id_) return std::nullopt;
  id_ = -1;
  return code_ = exit_code(status);
}

int ChildProcess::wait() {
  if (id_ < 0) return code_;
  int status = 0;
  while (waitpid(id_, &status, 0) < 0 && errno == EINTR) {
  }
  id_ = -1;
  return code_ = exit_code(status);
}

CapturedRun run_captured(ChildCommand command) {
  command.is_captured = true;
  ChildProcess child(command);
  CapturedRun run;
  char buffer[4096];
  for (std::size_t n = 0; (n = child.read(buffer)) > 0;)
    if (run.output.size() < kMostKept) run.output.append(buffer, n);
  run.code = child.wait();
  return run;
}

std::string own_program() {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw internal_error("/proc/self/exe cannot be read: ", error.message());
  return path.string();
}

}  // namespace kelvin
