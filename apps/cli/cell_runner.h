// The cells of a sweep: checked before anything runs, announced with an estimate, then trained and measured in child processes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/sweep_flags.h"
#include "apps/cli/sweep_trial.h"
#include "apps/run/run_lock.h"
#include "apps/sweep/cell.h"

namespace kelvin {

// In a parallel run all ranks call everything, and each runs cells; rank 0 alone prepares the folder and prints.
class CellRunner {
 public:
  // Throws a mistake for whatever a cell would refuse, and for folders that hold something else. The plan, the flags and `common` outlive it.
  CellRunner(const SweepPlan& plan, std::vector<Cell> cells, const SweepFlags& flags, const CommonOptions& common);

  // Joins the other sweeps of the folder, estimates the time and says what is to be done.
  void prepare();
  // Returns when every cell is done or has failed.
  void run();
  // Throws an error if cells of the table failed or are missing.
  void require_success(const SweepTable& table) const;

  [[nodiscard]] const std::vector<Cell>& cells() const { return cells_; }
  [[nodiscard]] double seconds() const;  // the estimate for all cells; 0: not known

 private:
  const SweepPlan& plan_;
  std::vector<Cell> cells_;
  const SweepFlags& f_;
  const CommonOptions& common_;
  std::vector<TrainOptions> options_;
  std::vector<RunFolder> overwritten_;
  int jobs_ = 1, threads_ = 1;  // cells at a time on this rank; threads of each
  std::vector<Worker> workers_;
  std::size_t finished_ = 0;  // before this sweep
  SweepTrial trial_{};
  std::optional<FileLock> use_;
  bool ran_out_ = false;
};

}  // namespace kelvin
