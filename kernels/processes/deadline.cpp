#include "kernels/processes/deadline.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <utility>

#include "kernels/device/error.h"
#include "kernels/processes/launcher.h"

namespace kelvin {
namespace {

// All ranks come to their deadline at the same time. The first ends the others before they speak, too; so does the second if the first is the
// one that hangs.
constexpr double kTurn = 2;  // seconds
// Time is counted in such pieces, so that a process that was itself stopped, and goes on for its end, is not late.
constexpr auto kPiece = std::chrono::milliseconds(50);

}  // namespace

Deadline::Deadline(double seconds, std::string what)
    : thread_([seconds, what = std::move(what)](const std::stop_token& is_over) {
        const int rank = launched_rank().value_or(0);
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any over;
        for (std::chrono::duration<double> left(seconds + kTurn * std::min(rank, 2)); left.count() > 0;
             left -= kPiece) {
          over.wait_for(lock, is_over, kPiece, [] { return false; });
          if (is_over.stop_requested()) return;
        }
        std::array<char, 256> host{};
        if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
        std::fprintf(stderr,
                     "kelvin: rank %d on %s: %s after %ld s: a rank has stopped or hangs, or its machine cannot be "
                     "reached; all ranks end\n",
                     rank, host.data(), what.c_str(), static_cast<long>(seconds));
        _exit(static_cast<int>(ExitCode::internal));
      }) {}

}  // namespace kelvin
