// A cell's folder: a run folder (apps/run) with two more files.
//
//   cell.json           the request: training flags and measurements
//   results/done.json   the same, written last: the cell is finished
//   results/error.json  the error, if it failed
//   log.txt             the output of its processes
//
// A cell is resumed from its files: training from its checkpoint, measurements from the first that is missing.
#pragma once

#include "apps/sweep/grid.h"
#include "apps/sweep/measures.h"

namespace kelvin {

struct CellRequest {
  std::vector<std::string> train;  // arguments of `kelvin train`, without --out
  MeasureRequest measure;
  std::vector<double> logit_scales;
};
[[nodiscard]] CellRequest request_of(const Cell& cell, const MeasureRequest& measure);
[[nodiscard]] Json to_json(const CellRequest& request);

// The state of the folder with respect to a request.
enum class CellState {
  absent,    // empty, or a run that was not finished
  other,     // a cell with other training flags
  foreign,   // a run, or part of one, that is no cell of a sweep
  finished,  // all results; training may have diverged
  failed     // an error of an earlier attempt
};
[[nodiscard]] CellState state_of(const RunFolder& folder, const CellRequest& request);

// Prepares the folder: writes cell.json, removes an old error. Throws a mistake if it holds another run.
void prepare(const RunFolder& folder, const CellRequest& request);
// Throws a mistake that names the folder if its state is `other` or `foreign`, except for a cell that may be overwritten.
void require_own(const RunFolder& folder, CellState state, bool overwrite);
// Removes cells with other training flags (--overwrite), all of them or none. Throws a mistake if a training is running in one of them, or if
// one holds files that no cell writes, such as notes or another sweep's folder.
void remove_cells(const std::vector<RunFolder>& folders);
[[nodiscard]] CellRequest read_request(const RunFolder& folder);  // throws a mistake if cell.json is absent or damaged

enum class TrainingState { absent, half_done, done, diverged };
[[nodiscard]] TrainingState training_state(const RunFolder& folder);

// Measures the trained model of the folder and writes results/done.json. If training diverged, nothing is measured.
void measure_cell(const RunFolder& folder, const CellRequest& request, Device device, const StageProgress& progress);

}  // namespace kelvin
