// A cell's folder: a run folder (apps/run) with two more files.
//
//   cell.json           what was asked for: training flags and measurements
//   results/done.json   the same, written last: the cell is finished
//   results/error.json  why it failed, when it did
//   log.txt             what its processes said
//
// A cell is resumed from whatever is there: training from its checkpoint, measurements from the first that is missing.
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

// What the folder holds for this request.
enum class CellState {
  absent,    // nothing, or a run that was not finished
  other,     // a cell with other training flags
  foreign,   // a run, or part of one, that is no cell of a sweep
  finished,  // everything; training may have diverged
  failed     // an error of an earlier attempt
};
[[nodiscard]] CellState state_of(const RunFolder& folder, const CellRequest& request);

// Makes the folder ready for work: writes cell.json, removes an old error. A mistake where it holds another run.
void prepare(const RunFolder& folder, const CellRequest& request);
// What `state_of` calls other or foreign: a mistake that names it, unless it is a cell that may be overwritten and nothing else.
void require_own(const RunFolder& folder, CellState state, bool overwrite);
// Removes cells with other training flags (--overwrite), all of them or none. A mistake where a training is at work in one, or one holds
// what no cell does: notes, or another sweep's folder.
void remove_cells(const std::vector<RunFolder>& folders);
[[nodiscard]] CellRequest read_request(const RunFolder& folder);  // a mistake when cell.json is absent or damaged

enum class TrainingState { absent, half_done, done, diverged };
[[nodiscard]] TrainingState training_state(const RunFolder& folder);

// Measures the trained model of the folder and writes results/done.json. With diverged training there is nothing to measure.
void measure_cell(const RunFolder& folder, const CellRequest& request, Device device, const StageProgress& progress);

}  // namespace kelvin
