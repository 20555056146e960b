// What a sweep adds to the event files of its cells' trainings (apps/tensorboard), for TensorBoard's HParams tab.
//
//   DIR/CELL            the training of the cell: written by itself (apps/training/tensorboard_log.h)
//   DIR/CELL/measured   its measurements: one scalar a column of the table, at the last step of the training
//   DIR                 the experiment: the flags in which cells differ, and which measurements there are
//
// The last two are written anew each time, atomically. Mistakes: what cannot be written.
#pragma once

#include "apps/sweep/table.h"

namespace kelvin {

// Throws the mistake that writing would, and one for events of another training where a cell is still to be begun. Makes the folder.
void require_place_for_events(const std::filesystem::path& events, const std::vector<RunFolder>& beginning);
// Removes the event files of cells that are trained again.
void remove_events(const std::filesystem::path& events, const std::vector<RunFolder>& cells);

void write_measured_events(const std::filesystem::path& events, const RunFolder& cell);
void write_experiment_events(const std::filesystem::path& events, const SweepTable& table,
                             const std::vector<Cell>& cells);

}  // namespace kelvin
