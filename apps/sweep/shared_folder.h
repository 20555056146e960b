// The folder in which several sweeps may be at work: OUT/locks/CELL.lock a cell, OUT/locks/sweep.lock for all of them.
#pragma once

#include <filesystem>
#include <vector>

#include "apps/run/run_folder.h"
#include "apps/run/run_lock.h"

namespace kelvin {

[[nodiscard]] std::filesystem::path locks_of(const std::filesystem::path& out);

// Makes the folder and takes the lock that every sweep at work in it shares. `overwritten`: cells with other training flags, which are
// removed first by a sweep that is alone in the folder; a mistake that names the other where it is not.
[[nodiscard]] FileLock join_sweep(const std::filesystem::path& out, const std::vector<RunFolder>& overwritten);

}  // namespace kelvin
