// The progress of a sweep on standard error: a line when a cell ends, and from time to time the number of finished cells, the running cells and
// the time left. The time comes from the estimate at first, later from the finished cells.
#pragma once

#include <chrono>
#include <map>

#include "apps/sweep/grid.h"
#include "apps/sweep/workers.h"

namespace kelvin {

class SweepProgress {
 public:
  // `cells` outlives the object. seconds_a_cell: 0 when there is no estimate.
  SweepProgress(const std::vector<Cell>& cells, std::filesystem::path out, double seconds_a_cell, int jobs,
                bool is_quiet);

  void on(const JobEvent& event);
  // `finished`: by all ranks, those from before included.
  void idle(const std::vector<std::size_t>& running, std::size_t finished);
  [[nodiscard]] std::int64_t ran_here() const { return timed_; }

 private:
  using Clock = std::chrono::steady_clock;

  const std::vector<Cell>& cells_;
  std::filesystem::path out_;
  double guess_;
  int jobs_;
  bool is_quiet_, is_terminal_;
  Clock::time_point last_;
  std::map<std::size_t, Clock::time_point> started_;
  std::size_t over_ = 0;    // finished cells, as far as this rank has seen them
  std::int64_t timed_ = 0;  // those of them that ran here
  double total_ = 0;        // seconds of the cells that ran here
};

}  // namespace kelvin
