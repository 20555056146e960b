#include "tests/cuda_emulation/ranks.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace emulated {
namespace {

using Clock = std::chrono::steady_clock;

struct Running {
  pid_t id = -1;
  FILE* output = nullptr;
};

std::string all_of(FILE* file) {
  std::string text;
  std::rewind(file);
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, n);
  std::fclose(file);
  return text;
}

[[noreturn]] void become(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  for (const std::string& setting : environment) {
    const std::size_t equals = setting.find('=');
    setenv(setting.substr(0, equals).c_str(), setting.substr(equals + 1).c_str(), 1);
  }
  std::vector<char*> arguments;
  for (const std::string& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

std::vector<EndedRank> run_ranks(int size, const std::vector<std::string>& command,
                                 const std::vector<std::vector<std::string>>& environment, double grace, double limit) {
  const auto n = static_cast<std::size_t>(size);
  std::vector<std::vector<int>> sockets(n, std::vector<int>(n, -1));  // [rank][peer]
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = a + 1; b < n; ++b) {
      int pair[2] = {-1, -1};
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) std::abort();
      sockets[a][b] = pair[0];
      sockets[b][a] = pair[1];
    }
  std::vector<Running> running(n);
  const auto begin = Clock::now();
  for (std::size_t r = 0; r < n; ++r) {
    running[r].output = std::tmpfile();
    std::string ranks = std::to_string(r) + " " + std::to_string(size);
    for (const int socket : sockets[r]) ranks += " " + std::to_string(socket);
    std::vector<std::string> own = {"OMPI_COMM_WORLD_RANK=" + std::to_string(r),
                                    "OMPI_COMM_WORLD_SIZE=" + std::to_string(size), "KELVIN_EMULATION_RANKS=" + ranks,
                                    "KELVIN_EMULATION_DEVICES=" + std::to_string(size), "OMP_NUM_THREADS=1"};
    if (r < environment.size()) own.insert(own.end(), environment[r].begin(), environment[r].end());
    running[r].id = fork();
    if (running[r].id == 0) {
      for (const int socket : sockets[r])
        if (socket >= 0) fcntl(socket, F_SETFD, 0);
      dup2(fileno(running[r].output), STDOUT_FILENO);
      dup2(fileno(running[r].output), STDERR_FILENO);
      become(command, own);
    }
  }
  for (const auto& of_rank : sockets)
    for (const int socket : of_rank)
      if (socket >= 0) close(socket);

  std::vector<EndedRank> ended(n);
  std::vector<bool> is_stopped(n);
  for (std::size_t left = n; left > 0;) {
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    for (std::size_t r = 0; r < n; ++r) {
      if (running[r].id < 0) continue;
      if (seconds > limit) kill(running[r].id, SIGKILL);
      int status = 0;
      if (waitpid(running[r].id, &status, seconds > limit ? 0 : WNOHANG | WUNTRACED) != running[r].id) continue;
      if (WIFSTOPPED(status)) {
        is_stopped[r] = true;
        continue;
      }
      ended[r].code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      ended[r].seconds = seconds;
      ended[r].output = all_of(running[r].output);
      running[r].id = -1;
      --left;
      if (ended[r].code != 0) limit = std::min(limit, seconds + grace);
    }
    if (std::all_of(running.begin(), running.end(), [&](const Running& r) {
          return r.id < 0 || is_stopped[static_cast<std::size_t>(&r - running.data())];
        }))
      limit = 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return ended;
}

}  // namespace emulated
