#include "apps/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

constexpr double kTerminalInterval = 0.1, kLogInterval = 5;  // seconds
constexpr int kBarWidth = 24;

}  // namespace

std::string duration_text(double seconds) {
  const long s = std::lround(seconds);
  char text[64];
  if (s < 60) {
    std::snprintf(text, sizeof text, "%ld s", s);
  } else if (s < 3600) {
    std::snprintf(text, sizeof text, "%ld min %02ld s", s / 60, s % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld h %02ld min", s / 3600, s / 60 % 60);
  }
  return text;
}

Progress::Progress(std::string label, std::string unit, bool quiet)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      is_quiet_(quiet || !processes().is_first()),
      is_terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_print_(is_terminal_ ? Clock::time_point() : start_) {}  // a terminal shows the bar at once

void Progress::update(long done, long total, const std::string& note) {
  if (is_quiet_) return;
  const Clock::time_point now = Clock::now();
  const double since_print = std::chrono::duration<double>(now - last_print_).count();
  if (since_print < (is_terminal_ ? kTerminalInterval : kLogInterval) && !(is_terminal_ && done == total)) return;
  last_print_ = now;
  print(done, total, note, std::chrono::duration<double>(now - start_).count());
}

void Progress::print(long done, long total, const std::string& note, double elapsed) {
  const double rate = static_cast<double>(done) / std::max(elapsed, 1e-9);
  const double fraction = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
  const std::string left =
      done > 0 ? duration_text(static_cast<double>(total - done) / std::max(rate, 1e-9)) + " left" : "starting";
  if (is_terminal_) {
    const auto filled = static_cast<std::size_t>(fraction * kBarWidth);
    const std::string bar = std::string(filled, '#') + std::string(kBarWidth - filled, '.');
    std::fprintf(stderr, "\r\033[K%s [%s] %3.0f %%  %.0f %s/s, %s  %s", label_.c_str(), bar.c_str(), 100 * fraction,
                 rate, unit_.c_str(), left.c_str(), note.c_str());
    std::fflush(stderr);
    has_printed_ = true;
  } else {
    std::fprintf(stderr, "%s: %3.0f %%, %.0f %s/s, %s  %s\n", label_.c_str(), 100 * fraction, rate, unit_.c_str(),
                 left.c_str(), note.c_str());
  }
}

void Progress::finish() {
  if (has_printed_) std::fprintf(stderr, "\r\033[K");
  has_printed_ = false;
}

}  // namespace kelvin
