#include "apps/cli/sweep_progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "apps/cli/progress.h"
#include "engine/printable.h"
#include "kernels/device/error.h"
#include "kernels/processes/processes.h"

namespace kelvin {

SweepProgress::SweepProgress(const std::vector<Cell>& cells, std::filesystem::path out, double seconds_a_cell, int jobs,
                             bool is_quiet)
    : cells_(cells),
      out_(std::move(out)),
      guess_(seconds_a_cell),
      jobs_(jobs),
      is_quiet_(is_quiet || !processes().is_first()),
      is_terminal_(isatty(STDERR_FILENO) != 0),
      last_(Clock::now()) {}

void SweepProgress::on(const JobEvent& e) {
  if (e.kind == JobEvent::Kind::started) {
    started_[e.job] = Clock::now();
    return;
  }
  ++over_;
  std::string what = processes().are_many() ? "over" : "done already";  // perhaps on another rank
  if (e.kind != JobEvent::Kind::found_done) {
    const double seconds = std::chrono::duration<double>(Clock::now() - started_[e.job]).count();
    total_ += seconds;
    ++timed_;
    what = (e.kind == JobEvent::Kind::finished ? "done in " : "FAILED after ") + duration_text(seconds) +
           (e.error.empty() ? "" : ": " + e.error);
  }
  if (!is_quiet_)
    std::fprintf(stderr, "%s%s: %s (%zu of %zu)\n", is_terminal_ ? "\r\033[K" : "",
                 printable(cells_[e.job].name).c_str(), printable(what).c_str(), over_, cells_.size());
}

void SweepProgress::idle(const std::vector<std::size_t>& running, std::size_t finished) {
  const auto now = Clock::now();
  const double interval = is_terminal_ ? 0.5 : 15;
  if (is_quiet_ || std::chrono::duration<double>(now - last_).count() < interval) return;
  last_ = now;
  const double a_cell = timed_ > 0 ? total_ / static_cast<double>(timed_) : guess_;
  const std::size_t over = std::min(cells_.size(), std::max(over_, finished));
  double left = a_cell * static_cast<double>(cells_.size() - over);
  for (const std::size_t job : running)
    left -= std::min(a_cell, std::chrono::duration<double>(now - started_[job]).count());
  std::string text = str(over, " of ", cells_.size(), " cells");
  if (a_cell > 0) text += ", about " + duration_text(std::max(0.0, left) / jobs_) + " left";
  for (const std::size_t job : running)
    text += "; " + cells_[job].name + ": " + last_line(out_ / cells_[job].name / "log.txt").substr(0, 60);
  if (running.empty()) text += "; waiting for other processes";
  std::fprintf(stderr, is_terminal_ ? "\r\033[K%s" : "%s\n", printable(text).c_str());
  std::fflush(stderr);
}

}  // namespace kelvin
